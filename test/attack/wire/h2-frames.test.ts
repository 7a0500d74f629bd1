// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";

import test from "ava";

import { getRequest, grpcMessage, grpcRequest, packedGrpcMessage } from "./grpc.ts";
import { FLAG, FRAME, FrameReader, frame, headerBlock, opening } from "./h2-frames.ts";

test("Node's own server reads the requests as they are meant, also with long fields and messages", async (t) => {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const got: [IncomingHttpHeaders, Buffer][] = [];
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      got.push([headers, Buffer.concat(chunks)]);
      stream.respond({ ":status": 200 });
      stream.end("answer");
    });
  });
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  const message = grpcMessage(Buffer.alloc(40_000, "m"));
  const path = `/books?text=${"x".repeat(300)}`;
  const heads: string[] = [];
  const reader = new FrameReader();
  const answered = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      for (const { type, flags, streamId } of reader.push(chunk)) {
        const isLast = (flags & FLAG.endStream) !== 0;
        if (type === FRAME.headers || type === FRAME.data) heads.push(`${streamId}:${type}:${isLast}`);
      }
      if (heads.filter((head) => head.endsWith("true")).length === 2) resolve();
    });
  });
  socket.write(Buffer.concat([opening(), grpcRequest("/a.B/C", 1, message, "gzip"), getRequest(path, 3)]));
  await answered;

  const [[grpc, body] = [], [get] = []] = got.toSorted((a, b) => b[1].length - a[1].length);
  t.is(grpc?.[":path"], "/a.B/C");
  t.is(grpc?.["content-type"], "application/grpc");
  t.is(grpc?.["grpc-encoding"], "gzip");
  t.true(body?.equals(message));
  t.is(get?.[":method"], "GET");
  t.is(get?.[":path"], path);
  t.deepEqual(heads.filter((head) => head.endsWith("true")).toSorted(), ["1:0:true", "3:0:true"]);
});

test("frames are found however they are cut", (t) => {
  const bytes = Buffer.concat([
    frame(FRAME.settings, FLAG.none, 0),
    frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock({ ":status": "200" })),
    frame(FRAME.data, FLAG.endStream, 1, Buffer.alloc(70_000)),
    frame(FRAME.goAway, FLAG.none, 0, Buffer.alloc(8)),
  ]);
  for (const step of [1, 2, 8, 9, 10, 1_000, bytes.length]) {
    const reader = new FrameReader();
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += step)
      types.push(...reader.push(bytes.subarray(at, at + step)).map(({ type }) => type));
    t.deepEqual(types, [FRAME.settings, FRAME.headers, FRAME.data, FRAME.goAway], `${step}`);
  }
});

test("a packed message says so, and is small", (t) => {
  const packed = packedGrpcMessage(new Uint8Array(12_000_000));
  t.is(packed[0], 1);
  t.is(packed.readUInt32BE(1), packed.length - 5);
  t.true(packed.length < 13_000);
});
