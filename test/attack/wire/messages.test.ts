// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";

import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import test from "ava";
import { WebSocketServer } from "ws";

import { FormSchema } from "../target/gen/perdure/test/attack/forms_pb.ts";
import { LetterSchema } from "../target/gen/perdure/test/attack/target_pb.ts";
import {
  deepJson,
  emptyLinesBytes,
  letterBytes,
  manyMessagesJson,
  unknownFieldsBytes,
  unknownKeysJson,
} from "./messages.ts";
import { binaryFrame, textFrame, upgradeRequest } from "./websocket.ts";

test("large JSON is what it is said to be", (t) => {
  t.is(deepJson(20).toString(), '{"name":[[[[[[[[[[[[');
  t.is(fromJsonString(LetterSchema, manyMessagesJson(1_000).toString()).pages.length, 1_000);
  t.is(Object.keys(JSON.parse(unknownKeysJson(1_000).toString()) as object).length, 1_000);
});

test("a letter is one", (t) => {
  const { id, data } = fromBinary(LetterSchema, letterBytes({ id: "a", data: new Uint8Array(9) }));
  t.deepEqual([id, data.length], ["a", 9]);
});

test("messages of many fields are what they are said to be", (t) => {
  const letter = fromBinary(LetterSchema, unknownFieldsBytes(1_000));
  t.is(letter.id, "");
  t.is(letter.$unknown?.length, 1_000);
  const bytes = emptyLinesBytes(1_000);
  t.is(bytes.length, 2_000);
  t.is(fromBinary(FormSchema, bytes).lines.length, 1_000);
});

test("a WebSocket's server takes the handshake and the frames", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.teardown(() => server.close());
  await once(server, "listening");
  const texts: (number | string)[] = [];
  const heard = new Promise<void>((resolve) => {
    server.on("connection", (socket) =>
      socket.on("message", (data: Buffer, isBinary: boolean) => {
        texts.push(isBinary ? `${socket.protocol}: ${data.length}` : data.length);
        if (texts.length === 4) resolve();
      }),
    );
  });
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  const frames = [5, 125, 100_000].map((length) => textFrame(Buffer.alloc(length, "a")));
  const binary = binaryFrame(Buffer.alloc(300));
  socket.write(Buffer.concat([upgradeRequest("/a.B/C", "perdure.proto"), ...frames, binary]));
  await heard;
  t.deepEqual(texts, [5, 125, 100_000, "perdure.proto: 300"]);
});

test("a frame may say that more follows than does", (t) => {
  const frame = textFrame(Buffer.from("ab"), 12_000_000);
  t.is(frame.readBigUInt64BE(2), 12_000_000n);
  t.is(frame.length, 16);
});
