// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import type { GrpcPath } from "../wire/grpc.ts";
import { grpcHeaders, PATHS } from "../wire/grpc.ts";
import { openH2Line } from "../wire/line.ts";
import { again, sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 11;
const STREAMS = 1_000;
/** Connections that each sender makes at most, one after the other. */
const MOST_TIMES = 20;

const way =
  (path: GrpcPath, streams = STREAMS): Way =>
  (target, tools) => {
    const all = Buffer.concat(
      Array.from({ length: streams }, (_, index) => grpcHeaders(path, 1 + 2 * index)),
    );
    return sideBySide(CONNECTIONS, () =>
      again(MOST_TIMES, tools, async () => {
        const line = await openH2Line(target.port, tools);
        if (await line?.send(all)) tools.tally.add("requests", streams);
        await line?.closed();
      }),
    );
  };

export const attack: Attack = {
  name: "headers-only",
  about: `${CONNECTIONS} connections with ${STREAMS} calls each that send their headers and no message`,
  bounds: ["max-connection-streams", "first-message-timeout"],
  ways: {
    unary: way(PATHS.send),
    stream: way(PATHS.chat),
    health: way(PATHS.health),
    // So few that their connections stay open, and enough to take all places that are kept for health.
    "health-few": way(PATHS.health, 20),
    "health-watch": way(PATHS.healthWatch),
  },
};
