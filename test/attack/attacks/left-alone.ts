// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { getBytes, postHead } from "../wire/http1.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";
import type { Line } from "../wire/line.ts";
import { openLine } from "../wire/line.ts";
import { pause } from "../wire/repeat.ts";

/** Few, because a proxy closes connections also because there are too many. */
const CONNECTIONS = 8;

/** The bounds of all that they leave unfinished, in milliseconds. */
const TIMEOUT_MS = 1_000;
/** When they should be gone: the proxy looks for some of them a few times in each of those times. */
const GONE_MS = 4_000;
/** How long the end of a connection takes to be seen by a sender who has not read what came before it. */
const SEEN_MS = 1_000;

const HEAD = Buffer.from("GET /targets/attacked HTTP/1.1\r\nhost: attack\r\nx-a: ");
const BODY = Buffer.concat([postHead(LETTERS_PATH, 10_000), Buffer.from('{"name":"')]);
/** Far more than the system keeps for a connection that nobody reads. */
const REPLIES = Buffer.concat(
  Array.from({ length: 20 }, () => getBytes("/targets/attacked?pages=60&pageBytes=50000")),
);

function leave(bytes: Buffer): Way {
  return async ({ port }, tools) => {
    const { signal, tally } = tools;
    const opened = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => openLine(port, tools, { unread: true })),
    );
    const lines = opened.filter((line): line is Line => line !== undefined);
    await Promise.all(lines.map((line) => line.send(bytes)));
    await pause(GONE_MS, signal);
    for (const { socket } of lines) socket.resume();
    await pause(SEEN_MS, signal);
    tally.add("left open", lines.filter(({ isOpen }) => isOpen).length);
  };
}

export const attack: Attack = {
  name: "left-alone",
  about: "requests whose rest never comes, and replies that are never read",
  bounds: ["headers-timeout", "request-timeout", "write-timeout"],
  proxyFlags: {
    "headers-timeout": String(TIMEOUT_MS),
    "request-timeout": String(TIMEOUT_MS),
    "write-timeout": String(TIMEOUT_MS),
    "min-write-rate": "1000000000",
  },
  // Longer than `GONE_MS` and `SEEN_MS` together.
  seconds: { long: 8, short: 8 },
  ways: { headers: leave(HEAD), body: leave(BODY), replies: leave(REPLIES) },
  check: (_world, { "left open": left }) =>
    left === 0 ? [] : [`${left ?? "all"} connections are open, although their time is over`],
};
