// SPDX-License-Identifier: Apache-2.0

import type { HttpCall, HttpReply } from "./http-clients.ts";

/** A message of gRPC-Web with its prefix. */
export function webFrame(message: string | Uint8Array, flags = 0): Buffer {
  const bytes = Buffer.from(message);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** A call of a method of `Talks`; a body that is text is base64 already. */
export function webCall(
  name: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): HttpCall {
  const type = typeof body === "string" ? "application/grpc-web-text" : "application/grpc-web+proto";
  const path = `/perdure.test.library.Talks/${name}`;
  return { method: "POST", path, headers: { "content-type": type, "x-grpc-web": "1", ...headers }, body };
}

export interface WebAnswer {
  readonly messages: readonly string[];
  /** For each message, whether it is marked as packed. */
  readonly packed: readonly boolean[];
  /** The trailers in the last frame; undefined if there are none. */
  readonly trailers: Readonly<Record<string, string>> | undefined;
}

/** Reads an answer as a browser does: frames out of a body, which may be base64 in padded pieces. */
export async function readWebAnswer({ headers, body }: HttpReply): Promise<WebAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const isText = String(headers["content-type"]).startsWith("application/grpc-web-text");
  let rest = isText ? decodePieces(raw.toString("latin1")) : raw;
  const messages: string[] = [];
  const packed: boolean[] = [];
  let trailers: Record<string, string> | undefined;
  while (rest.length > 0) {
    const flags = rest.readUInt8(0);
    const end = 5 + rest.readUInt32BE(1);
    if (trailers !== undefined || end > rest.length) throw new Error("the answer is not gRPC-Web");
    const bytes = rest.subarray(5, end);
    rest = rest.subarray(end);
    if (flags === 0x80) trailers = readTrailers(bytes.toString("latin1"));
    else {
      messages.push(bytes.toString());
      packed.push(flags === 1);
    }
  }
  return { messages, packed, trailers };
}

function decodePieces(text: string): Buffer {
  return Buffer.concat((text.match(/[^=]+={0,2}/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
}

function readTrailers(text: string): Record<string, string> {
  const lines = text.split("\r\n").slice(0, -1);
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
}
