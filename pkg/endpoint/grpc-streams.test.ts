// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";

import type { ClientReadableStream, ServiceError, StatusObject } from "@grpc/grpc-js";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import { Status, StatusError } from "../grpc/mod.ts";
import type { MetadataEntry } from "../protocol/mod.ts";
import type { Dispatch, StreamedCommand } from "../router/mod.ts";

import { echo, echoStream, runEndpoint } from "./testdata/running-endpoint.ts";

const path = (name: string): string => `/perdure.test.library.Talks/${name}`;
const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

/** An endpoint whose actions do what `streamed` does, and a client of grpc-js. */
async function start(t: ExecutionContext, streamed: Dispatch["streamed"] = echoStream): Promise<Client> {
  const endpoint = await runEndpoint(t, echo, {}, streamed);
  const client = new Client(`127.0.0.1:${endpoint.port}`, credentials.createInsecure());
  t.teardown(() => client.close());
  return client;
}

async function collect(call: ClientReadableStream<Buffer>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of call) seen.push(text(message as Buffer));
  return seen;
}

test("client streaming: many messages in, one out", async (t) => {
  const client = await start(t, async function* ({ method, input }) {
    t.is(method.desc.methodKind, "client_streaming");
    const seen: string[] = [];
    for await (const payload of input) seen.push(text(payload));
    yield { payload: Buffer.from(seen.join("+")), metadata: [] };
  });
  const reply = await new Promise<Buffer | undefined>((resolve, reject) => {
    const call = client.makeClientStreamRequest(path("Gather"), same, same, (error, value) =>
      error === null ? resolve(value) : reject(error),
    );
    for (const word of ["a", "b", "c"]) call.write(Buffer.from(word));
    call.end();
  });
  t.is(text(reply), "a+b+c");
});

test("server streaming: one message in, many out", async (t) => {
  const client = await start(t, async function* ({ input }) {
    for await (const payload of input)
      for (const word of text(payload)) yield { payload: Buffer.from(word), metadata: [] };
  });
  t.deepEqual(await collect(client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("abc"))), [
    "a",
    "b",
    "c",
  ]);
});

test("bidi: each message is answered before the next one is sent", async (t) => {
  const client = await start(t);
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(path("Chat"), same, same);
  for (const word of ["one", "two", "three"]) {
    call.write(Buffer.from(word));
    t.is(text(await new Promise<Buffer>((resolve) => call.once("data", resolve))), word);
  }
  call.end();
  t.deepEqual(await collect(call), []);
});

test("not exactly one message for a method that takes no stream is refused", async (t) => {
  const client = await start(t);
  for (const words of [[], ["a", "b"]]) {
    const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(path("Recite"), same, same);
    for (const word of words) call.write(Buffer.from(word));
    call.end();
    const error = await t.throwsAsync<ServiceError>(collect(call));
    t.is(error?.code, Status.UNIMPLEMENTED);
    t.deepEqual(error?.metadata.get("perdure-error-code"), ["MESSAGE_COUNT"]);
  }
});

test("actions get the caller's headers in order, bytes as bytes, without those of the transport", async (t) => {
  const seen: (readonly MetadataEntry[])[] = [];
  const client = await start(t, (command: StreamedCommand) => {
    seen.push(command.call.metadata);
    return echoStream(command);
  });
  const metadata = new Metadata();
  metadata.add("X-One", "1");
  metadata.add("x-one", "2");
  metadata.add("x-two-bin", Buffer.from([0, 255]));
  const call = client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("a"), metadata);
  await collect(call);
  const own = seen[0]?.filter(({ key }) => key !== "user-agent" && key !== "accept-encoding");
  t.deepEqual(own, [
    { key: "x-one", value: "1" },
    { key: "x-one", value: "2" },
    { key: "x-two-bin", value: Buffer.from([0, 255]) },
  ]);
  t.true(seen[0]?.some(({ key }) => key === "user-agent"));
});

test("the first reply's metadata become headers, texts and bytes; what is unsafe does not", async (t) => {
  const metadata: MetadataEntry[] = [
    { key: "X-Shelf", value: "7" },
    { key: "x-bytes-bin", value: Buffer.from([1]) },
    { key: "x-text-bin", value: "AQ==" },
    { key: "x-bytes", value: Buffer.from([1]) },
    { key: "grpc-status-details-bin", value: Buffer.from([1]) },
    { key: "x-newline", value: "a\r\nset-cookie: b" },
    { key: "x y", value: "c" },
    { key: "grpc-status", value: "3" },
    { key: "content-length", value: "9" },
    { key: "connection", value: "close" },
    { key: ":status", value: "500" },
  ];
  const client = await start(t, async function* () {
    yield { payload: Buffer.from("a"), metadata };
    yield { payload: Buffer.from("b"), metadata: [{ key: "x-late", value: "1" }] };
  });
  const call = client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("a"));
  const headers = new Promise<Metadata>((resolve) => call.once("metadata", resolve));
  t.deepEqual(await collect(call), ["a", "b"]);
  const { "x-shelf": shelf, "x-bytes-bin": bytes, ...rest } = (await headers).getMap();
  t.is(shelf, "7");
  t.deepEqual(bytes, Buffer.from([1]));
  t.deepEqual(
    Object.keys(rest).filter((name) => name.startsWith("x") || name.startsWith("set")),
    [],
  );
});

test("what is under a key for trailers comes behind the last reply; of several replies' the last ones count", async (t) => {
  const replies = [
    [{ key: "trailer:x-tail", value: "lost" }],
    [
      { key: "Trailer:X-Tail", value: "1" },
      { key: "trailer:x-tail", value: "2" },
      { key: "trailer:x-tail-bin", value: Buffer.from([0, 255]) },
      { key: "trailer:grpc-status", value: "3" },
      { key: "trailer:x y", value: "c" },
      { key: "trailer:x-tail", value: "ö" },
    ],
    [],
  ];
  const client = await start(t, async function* () {
    for (const metadata of replies) yield { payload: Buffer.from("a"), metadata };
  });
  const call = client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("a"));
  const headers = new Promise<Metadata>((resolve) => call.once("metadata", resolve));
  const end = new Promise<StatusObject>((resolve) => call.once("status", resolve));
  t.is((await collect(call)).length, 3);
  t.deepEqual((await headers).get("x-tail"), []);
  const { code, metadata } = await end;
  t.is(code, Status.OK);
  t.deepEqual(metadata.get("x-tail").join(", "), "1, 2");
  t.deepEqual(metadata.get("x-tail-bin"), [Buffer.from([0, 255])]);
  t.deepEqual(
    Object.keys(metadata.getMap()).filter((name) => name.startsWith("grpc") || name.includes(" ")),
    [],
  );
});

test("an action gets the time that its caller gave, as it was sent", async (t) => {
  const seen: (readonly MetadataEntry[])[] = [];
  const client = await start(t, (command) => {
    seen.push(command.call.metadata);
    return echoStream(command);
  });
  for (const deadline of [Date.now() + 60_000, undefined]) {
    const options = deadline === undefined ? {} : { deadline };
    await collect(
      client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("a"), new Metadata(), options),
    );
  }
  const times = seen.map((metadata) => metadata.find(({ key }) => key === "grpc-timeout")?.value);
  t.regex(String(times[0]), /^[56]\d{4}m$/);
  t.is(times[1], undefined);
});

test("a failure in the middle of a stream ends it with its status", async (t) => {
  const client = await start(t, async function* () {
    yield { payload: Buffer.from("a"), metadata: [] };
    throw new StatusError(Status.NOT_FOUND, "GONE", "no more");
  });
  const call = client.makeServerStreamRequest(path("Recite"), same, same, Buffer.from("a"));
  const error = await t.throwsAsync<ServiceError>(collect(call));
  t.like(error, { code: Status.NOT_FOUND, details: "no more" });
});

test("a caller that cancels is heard of, by listener and by input, also while its messages are held", async (t) => {
  const cancelled = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  const inputError = Promise.withResolvers<unknown>();
  const client = await start(t, async function* ({ input, call: { onCancel } }) {
    onCancel(() => cancelled.resolve());
    const messages = input[Symbol.asyncIterator]();
    await messages.next();
    first.resolve();
    await cancelled.promise;
    for (;;) {
      try {
        if ((await messages.next()).done === true) break;
      } catch (error) {
        inputError.resolve(error);
        throw error;
      }
    }
    yield { payload: Buffer.from("never"), metadata: [] };
  });
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(path("Chat"), same, same);
  call.on("error", () => undefined);
  for (let i = 0; i < 100; i++) call.write(Buffer.alloc(100_000));
  await first.promise;
  call.cancel();
  t.like(await inputError.promise, { code: "CANCELLED" });
});

test("a slow reader holds the source: no more is pulled than fits (I11)", async (t) => {
  let pulled = 0;
  const stop = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, echo, {}, async function* ({ call: { onCancel } }) {
    onCancel(() => stop.resolve());
    for (;;) yield { payload: Buffer.alloc(10_000, pulled++), metadata: [] };
  });
  const session = connectHttp2(endpoint.url);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": path("Recite"),
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
  await once(stream, "response");
  let before = -1;
  // The source is held back when the number stays the same for 50 rounds.
  for (let quiet = 0; quiet < 50; quiet = pulled === before ? quiet + 1 : 0) {
    before = pulled;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  t.true(pulled > 0 && pulled < 100, `${pulled} messages of 10 kB were pulled`);
  stream.close(constants.NGHTTP2_CANCEL);
  await stop.promise;
});
