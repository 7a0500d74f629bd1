// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";

import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import test from "ava";
import { WebSocketServer } from "ws";

import { LetterSchema } from "../target/gen/perdure/test/attack/target_pb.ts";
import { deepJson, letterBytes, manyMessagesJson, unknownKeysJson } from "./messages.ts";
import { textFrame, upgradeRequest } from "./websocket.ts";

test("large JSON is what it is said to be", (t) => {
  t.is(deepJson(20).toString(), '{"name":[[[[[[[[[[[[');
  t.is(fromJsonString(LetterSchema, manyMessagesJson(1_000).toString()).pages.length, 1_000);
  t.is(Object.keys(JSON.parse(unknownKeysJson(1_000).toString()) as object).length, 1_000);
});

test("a letter is one", (t) => {
  const { id, data } = fromBinary(LetterSchema, letterBytes({ id: "a", data: new Uint8Array(9) }));
  t.deepEqual([id, data.length], ["a", 9]);
});

test("a WebSocket's server takes the handshake and the frames", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.teardown(() => server.close());
  await once(server, "listening");
  const texts: number[] = [];
  const heard = new Promise<void>((resolve) => {
    server.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => {
        texts.push(data.length);
        if (texts.length === 3) resolve();
      }),
    );
  });
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  const frames = [5, 125, 100_000].map((length) => textFrame(Buffer.alloc(length, "a")));
  socket.write(Buffer.concat([upgradeRequest("/a.B/C"), ...frames]));
  await heard;
  t.deepEqual(texts, [5, 125, 100_000]);
});

test("a frame may say that more follows than does", (t) => {
  const frame = textFrame(Buffer.from("ab"), 12_000_000);
  t.is(frame.readBigUInt64BE(2), 12_000_000n);
  t.is(frame.length, 16);
});
