// SPDX-License-Identifier: Apache-2.0

import type { Attack, Tools, Way } from "../attack.ts";
import type { Target } from "../target.ts";
import { grpcHeaders, PATHS } from "../wire/grpc.ts";
import { FLAG, FRAME, frame } from "../wire/h2-frames.ts";
import { openH2Line, over } from "../wire/line.ts";
import { sideBySide } from "../wire/repeat.ts";

/** Side by side, because one gets only its share of the proxy. */
const CONNECTIONS = 3;
/** Streams on one connection, each with as many one-byte frames as its window allows. */
const STREAMS = 90;
const FRAMES = 65_000;

/** The caller reads no reply, so the method stops reading, and the stream is paused with its window full. */
const paused: Way = async (target, tools) => {
  await sideBySide(CONNECTIONS, () => sendPaused(target, tools));
  await over(tools.signal);
};

async function sendPaused(target: Target, tools: Tools): Promise<void> {
  const line = await openH2Line(target.port, tools, { windowBytes: 0 });
  if (line === undefined) return;
  const ids = Array.from({ length: STREAMS }, (_, index) => 1 + 2 * index);
  for (const id of ids) await line.send(grpcHeaders(PATHS.chat, id));
  // Zeros are empty messages.
  for (const id of ids) await line.send(repeated(frame(FRAME.data, FLAG.none, id, Buffer.alloc(1)), FRAMES));
}

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
