// SPDX-License-Identifier: Apache-2.0

import { gzipSync } from "node:zlib";

import { FLAG, FRAME, frame, headerBlock } from "./h2-frames.ts";

/** A path of the services in `target/`, or of gRPC's health. */
export type GrpcPath = `/${string}/${string}`;

export const PATHS = {
  read: "/perdure.test.attack.Target/Read",
  send: "/perdure.test.attack.Target/Send",
  sendSlowly: "/perdure.test.attack.Target/SendSlowly",
  chat: "/perdure.test.attack.Streams/Chat",
  watch: "/perdure.test.attack.Streams/Watch",
  fill: "/perdure.test.attack.Forms/Fill",
  health: "/grpc.health.v1.Health/Check",
  healthWatch: "/grpc.health.v1.Health/Watch",
} as const satisfies Record<string, GrpcPath>;

/** The header fields of a request to any of these methods. */
export function grpcFields(path: GrpcPath, encoding?: "gzip"): Readonly<Record<string, string>> {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "attack",
    "content-type": "application/grpc",
    te: "trailers",
    ...(encoding !== undefined && { "grpc-encoding": encoding }),
  };
}

/** A message with its prefix. `length` is the length in the prefix. It may be more than the bytes that follow. */
export function grpcMessage(message: Uint8Array, length = message.length, isPacked = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(isPacked ? 1 : 0, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** The same, compressed with gzip. */
export function packedGrpcMessage(message: Uint8Array): Buffer {
  const packed = gzipSync(message);
  return grpcMessage(packed, packed.length, true);
}

/** The HEADERS frame of a request. A message may follow, or not. */
export function grpcHeaders(path: GrpcPath, streamId: number, encoding?: "gzip"): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders, streamId, headerBlock(grpcFields(path, encoding)));
}

/** The largest frame payload that a server must accept by default (RFC 9113, 6.5.2). */
const MAX_FRAME_BYTES = 16_384;

/** A whole request: HEADERS, and as many DATA as the message needs. */
export function grpcRequest(path: GrpcPath, streamId: number, body: Uint8Array, encoding?: "gzip"): Buffer {
  const frames = [grpcHeaders(path, streamId, encoding)];
  for (let at = 0; at === 0 || at < body.length; at += MAX_FRAME_BYTES) {
    const piece = body.subarray(at, at + MAX_FRAME_BYTES);
    const flag = at + MAX_FRAME_BYTES >= body.length ? FLAG.endStream : FLAG.none;
    frames.push(frame(FRAME.data, flag, streamId, piece));
  }
  return Buffer.concat(frames);
}

/** HEADERS of a GET, which is a whole request. */
export function getRequest(
  path: string,
  streamId: number,
  fields: Readonly<Record<string, string>> = {},
): Buffer {
  const all = { ":method": "GET", ":scheme": "http", ":path": path, ":authority": "attack", ...fields };
  return frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, streamId, headerBlock(all));
}
