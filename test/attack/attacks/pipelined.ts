// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { getRequest } from "../wire/grpc.ts";
import { FLAG, FRAME, frame } from "../wire/h2-frames.ts";
import { getBytes } from "../wire/http1.ts";
import type { Line } from "../wire/line.ts";
import { openH2Line, openLine } from "../wire/line.ts";
import { again, sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 4;
const REQUESTS = 500;
const MOST_ROUNDS = 400;
const PATH = "/targets/attacked";

/** Sends all requests at once, reads the answers as fast as they arrive, and repeats this on new connections. */
const way =
  (open: (...of: Parameters<typeof openLine>) => Promise<Line | undefined>, all: Buffer): Way =>
  (target, tools) =>
    sideBySide(CONNECTIONS, () =>
      again(
        MOST_ROUNDS,
        tools,
        async () => {
          const line = await open(target.port, tools);
          if (await line?.send(all)) tools.tally.add("requests", REQUESTS);
          await line?.closed();
        },
        0,
      ),
    );

const many = (requestOf: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: REQUESTS }, (_, at) => requestOf(at));

/** After this request the proxy closes the connection, when it has answered all requests before it. */
const LAST = getBytes(PATH, { connection: "close" });
const GO_AWAY = frame(FRAME.goAway, FLAG.none, 0, Buffer.alloc(8));

export const attack: Attack = {
  name: "pipelined",
  about: `${CONNECTIONS} connections with ${REQUESTS} small requests at once, again and again`,
  bounds: [],
  // Each way alone uses up one of two processors.
  shortWays: ["http1"],
  ways: {
    http1: way(openLine, Buffer.concat([...many(() => getBytes(PATH)), LAST])),
    h2: way(openH2Line, Buffer.concat([...many((at) => getRequest(PATH, 1 + 2 * at)), GO_AWAY])),
  },
};
