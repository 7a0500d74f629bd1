// SPDX-License-Identifier: Apache-2.0

import { fromManyAddresses, idleAttack } from "../idle-attack.ts";
import { postHead } from "../wire/http1.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";

const BYTE = Buffer.from("a");

export const attack = idleAttack({
  name: "slow-requests",
  about: "10,000 requests of which one byte comes now and then",
  // As with `idle-tcp`.
  bounds: [],
  ways: {
    headers: fromManyAddresses({
      first: Buffer.from("GET /targets/attacked HTTP/1.1\r\nhost: attack\r\nx-a: "),
      trickle: BYTE,
    }),
    body: fromManyAddresses(
      { first: Buffer.concat([postHead(LETTERS_PATH, 10_000), Buffer.from('{"name":"')]), trickle: BYTE },
      1,
    ),
  },
});
