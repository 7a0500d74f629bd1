// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { getRequest, grpcHeaders, grpcMessage, grpcRequest, PATHS } from "../wire/grpc.ts";
import { openH2Line } from "../wire/line.ts";
import { bookRequestBytes } from "../wire/messages.ts";
import { pause, sideBySide } from "../wire/repeat.ts";

const SENDERS = 4;
const STREAMS = 1_000;
const MOST_CONNECTIONS = 2_000;
/** A quarter of a million requests a second; more at once would show how fast the machine accepts connections. */
const OPENED_PER_SECOND = 250;

const way =
  (requestOf: (streamId: number) => Buffer): Way =>
  (target, tools) => {
    const all = Buffer.concat(Array.from({ length: STREAMS }, (_, index) => requestOf(1 + 2 * index)));
    return sideBySide(SENDERS, async () => {
      for (let opened = 0; opened < MOST_CONNECTIONS && !tools.signal.aborted; opened += SENDERS) {
        const line = await openH2Line(target.port, tools);
        if (await line?.send(all)) tools.tally.add("requests", STREAMS);
        line?.close();
        await pause((SENDERS * 1_000) / OPENED_PER_SECOND, tools.signal);
      }
    });
  };

export const attack: Attack = {
  name: "open-and-close",
  about: `connections with ${STREAMS} requests each that are closed at once, one after the other`,
  bounds: ["max-connection-streams"],
  seconds: { long: 8, short: 1.5 },
  // Thousands of connections in a second: all ways at once leave a machine with two cores no time for others.
  shortWays: ["headers"],
  ways: {
    headers: way((streamId) => grpcHeaders(PATHS.send, streamId)),
    grpc: way((streamId) =>
      grpcRequest(PATHS.read, streamId, grpcMessage(bookRequestBytes({ id: "attacked" }))),
    ),
    json: way((streamId) => getRequest("/targets/attacked", streamId)),
  },
};
