// SPDX-License-Identifier: Apache-2.0

import type { Attack, Tools, Way } from "../attack.ts";
import type { Target } from "../target.ts";
import { grpcFields, grpcMessage, PATHS } from "../wire/grpc.ts";
import { openH2Session } from "../wire/h2-session.ts";
import { postHead } from "../wire/http1.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";
import { openLine } from "../wire/line.ts";
import { LARGE_BYTES } from "../wire/messages.ts";
import { again, sideBySide } from "../wire/repeat.ts";
import { textFrame, upgradeRequest } from "../wire/websocket.ts";

/** 473 MB together. */
const CONNECTIONS = 40;
const SENT_BYTES = 11_825_000;
/** Connections that each sender makes at most, one after the other. */
const MOST_TIMES = 3;
/** Bytes per write. The pieces are small, so that a connection that is refused early costs little. */
const PIECE_BYTES = 262_144;

function* pieces(first: Buffer): Iterable<Uint8Array> {
  yield first;
  const piece = Buffer.alloc(PIECE_BYTES, "x");
  for (let sent = 0; sent < SENT_BYTES; sent += PIECE_BYTES) yield piece;
}

/** Sends the given bytes and the body on a plain connection, and then nothing more. */
const onLines =
  (...heads: readonly Buffer[]): Way =>
  (target, tools) =>
    sideBySide(CONNECTIONS, () =>
      again(MOST_TIMES, tools, async () => {
        const line = await openLine(target.port, tools);
        if (line === undefined) return;
        for (const piece of pieces(Buffer.concat(heads))) if (!(await line.send(piece))) break;
        await line.closed();
      }),
    );

/** The same on an HTTP/2 stream, by a client that respects flow control windows. */
const onStreams =
  (fields: Readonly<Record<string, string>>, head: Buffer): Way =>
  (target, tools) =>
    sideBySide(CONNECTIONS, () => again(MOST_TIMES, tools, () => holdStream(target, tools, fields, head)));

async function holdStream(
  target: Target,
  tools: Tools,
  fields: Readonly<Record<string, string>>,
  head: Buffer,
): Promise<void> {
  const { session, closed, close } = openH2Session(target.port, tools);
  const stream = session.request(fields);
  stream.on("error", () => undefined);
  stream.on("close", close);
  stream.resume();
  const all = pieces(head)[Symbol.iterator]();
  const write = (): void => {
    for (let next = all.next(); next.done !== true; next = all.next()) {
      tools.tally.add("bytes", next.value.length);
      if (!stream.write(next.value)) return void stream.once("drain", write);
    }
  };
  write();
  await closed;
}

export const attack: Attack = {
  name: "half-sent",
  about: `${CONNECTIONS} connections with messages of 12 MB of which the end does not come, 473 MB`,
  bounds: ["max-buffered-bytes"],
  ways: {
    http1: onLines(postHead(LETTERS_PATH, LARGE_BYTES), Buffer.from('{"name":"')),
    h2: onStreams(
      { ":method": "POST", ":path": LETTERS_PATH, "content-type": "application/json" },
      Buffer.from('{"name":"'),
    ),
    grpc: onStreams(grpcFields(PATHS.send), grpcMessage(Buffer.alloc(0), LARGE_BYTES)),
    websocket: onLines(upgradeRequest(PATHS.chat), textFrame(Buffer.from('{"name":"'), LARGE_BYTES)),
  },
};
