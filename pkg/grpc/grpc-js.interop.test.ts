// SPDX-License-Identifier: Apache-2.0

import * as grpc from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";

import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import type { Expect, TestServer } from "./test-peers/interop-peer.ts";
import { CLIENT_CHECKS, FAIL_TEXT, MEBIBYTE, startTestServer } from "./test-peers/interop-peer.ts";

const same = (bytes: Buffer): Buffer => bytes;

function method(name: string, streamed = false): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path: `/interop.Peer/${name}`,
    requestStream: streamed,
    responseStream: streamed,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

const SERVICE = {
  Echo: method("Echo"),
  Fail: method("Fail"),
  Never: method("Never"),
  Big: method("Big"),
  Pipe: method("Pipe", true),
};

function startGrpcJs(options: grpc.ServerOptions): Promise<{ server: grpc.Server; port: number }> {
  const server = new grpc.Server(options);
  server.addService(SERVICE, {
    Echo(call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) {
      const headers = new grpc.Metadata();
      const trailers = new grpc.Metadata();
      for (const value of call.metadata.get("x-echo")) {
        headers.add("x-echo", value);
        trailers.add("x-echo", value);
      }
      for (const value of call.metadata.get("x-echo-bin")) trailers.add("x-echo-bin", value);
      call.sendMetadata(headers);
      callback(null, call.request, trailers);
    },
    Fail(_call: unknown, callback: grpc.sendUnaryData<Buffer>) {
      const metadata = new grpc.Metadata();
      metadata.set("x-why", "because");
      callback({ code: grpc.status.NOT_FOUND, details: FAIL_TEXT, metadata });
    },
    Never: () => undefined,
    Big(call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) {
      callback(null, Buffer.alloc(Number(call.request.toString()), 7));
    },
    Pipe(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on("data", (bytes) => call.write(bytes));
      call.on("end", () => call.end());
      call.on("error", () => undefined);
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve({ server, port });
      else reject(error);
    });
  });
}

function expecting(t: ExecutionContext): Expect {
  return {
    deepEqual: (found, expected) => void t.deepEqual(found, expected),
    async throws(call, expected) {
      t.like(await t.throwsAsync(call), expected);
    },
  };
}

// Our client and a server on grpc-js

let peer: grpc.Server;
let connection: Connection;

test.before(async () => {
  const started = await startGrpcJs({
    "grpc.max_receive_message_length": 16 * MEBIBYTE,
    "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip,
  });
  peer = started.server;
  const common = { host: "127.0.0.1", port: started.port, clock: systemClock, maxReceiveBytes: 4 * MEBIBYTE };
  connection = await connect(common);
});

test.after.always(async () => {
  await connection.close();
  peer.forceShutdown();
});

for (const [name, check] of Object.entries(CLIENT_CHECKS)) {
  test(`our client, grpc-js: ${name}`, (t) => check(expecting(t), connection));
}

// A client on grpc-js and our server

let server: TestServer;
let client: grpc.Client;

test.before(async () => {
  server = await startTestServer({ maxReceiveBytes: 4 * MEBIBYTE });
  client = makeClient();
});

test.after.always(async () => {
  client.close();
  await server.close();
});

function makeClient(options: grpc.ClientOptions = {}): grpc.Client {
  return new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": 16 * MEBIBYTE,
    ...options,
  });
}

interface Answer {
  readonly bytes: Buffer | undefined;
  readonly headers: grpc.Metadata;
  readonly status: grpc.StatusObject;
}

/** Calls with grpc-js and waits for everything that comes. */
function call(from: grpc.Client, name: string, request: Buffer, options: CallExtras = {}): Promise<Answer> {
  return new Promise((resolve) => {
    let bytes: Buffer | undefined;
    let headers = new grpc.Metadata();
    const running = from.makeUnaryRequest(
      `/interop.Peer/${name}`,
      same,
      same,
      request,
      options.metadata ?? new grpc.Metadata(),
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
      (_error, value) => {
        bytes = value;
      },
    );
    running.on("metadata", (metadata) => {
      headers = metadata;
    });
    running.on("status", (status) => setImmediate(() => resolve({ bytes, headers, status })));
    options.onStarted?.(running);
  });
}

interface CallExtras {
  readonly metadata?: grpc.Metadata;
  readonly deadlineMs?: number;
  readonly onStarted?: (running: grpc.ClientUnaryCall) => void;
}

test("grpc-js, our server: a unary call is answered, with metadata both ways", async (t) => {
  const metadata = new grpc.Metadata();
  metadata.add("x-echo", "one");
  metadata.add("x-echo", "two");
  metadata.add("x-echo-bin", Buffer.from([0, 255]));
  const { bytes, headers, status } = await call(client, "Echo", Buffer.from("hello"), { metadata });
  t.is(bytes?.toString(), "hello");
  t.is(status.code, grpc.status.OK);
  t.deepEqual(headers.get("x-echo").join(", "), "one, two");
  t.deepEqual(status.metadata.get("x-echo-bin"), [Buffer.from([0, 255])]);
});

test("grpc-js, our server: a status comes with its text, its code and trailers", async (t) => {
  const { status } = await call(client, "Fail", Buffer.alloc(0));
  t.is(status.code, grpc.status.NOT_FOUND);
  t.is(status.details, FAIL_TEXT);
  t.deepEqual(status.metadata.get("x-why"), ["because"]);
  t.deepEqual(status.metadata.get("perdure-error-code"), ["NO_OIL"]);
});

test("grpc-js, our server: an unknown method is UNIMPLEMENTED", async (t) => {
  const { status } = await call(client, "Nothing", Buffer.alloc(0));
  t.is(status.code, grpc.status.UNIMPLEMENTED);
});

test("grpc-js, our server: a deadline ends a call", async (t) => {
  const { status } = await call(client, "Never", Buffer.alloc(0), { deadlineMs: 60 });
  t.is(status.code, grpc.status.DEADLINE_EXCEEDED);
});

test("grpc-js, our server: a cancelled call cancels its method", async (t) => {
  const own = await startTestServer();
  const from = new grpc.Client(`127.0.0.1:${own.port}`, grpc.credentials.createInsecure());
  // Cancels only after another call on the same connection has been answered, because the first call has arrived by
  // then.
  const onStarted = (running: grpc.ClientUnaryCall): void => {
    void call(from, "Echo", Buffer.alloc(0)).then(() => running.cancel());
  };
  const { status } = await call(from, "Never", Buffer.alloc(0), { onStarted });
  t.is(status.code, grpc.status.CANCELLED);
  await own.cancelled();
  from.close();
  await own.close();
});

test("grpc-js, our server: messages are packed both ways", async (t) => {
  const from = makeClient({ "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip });
  const message = Buffer.alloc(100_000, "pack me ");
  const { bytes, status } = await call(from, "Echo", message);
  t.is(status.code, grpc.status.OK);
  t.true(bytes?.equals(message));
  from.close();
});

test("grpc-js, our server: a message of 4 MiB goes both ways, a larger one does not", async (t) => {
  const message = Buffer.alloc(4 * MEBIBYTE, "0123456789");
  const { bytes } = await call(client, "Echo", message);
  t.true(bytes?.equals(message));
  const { status } = await call(client, "Echo", Buffer.alloc(4 * MEBIBYTE + 1));
  t.is(status.code, grpc.status.RESOURCE_EXHAUSTED);
});

test("grpc-js, our server: a stream carries messages both ways", async (t) => {
  const stream = client.makeBidiStreamRequest("/interop.Peer/Pipe", same, same);
  const received: string[] = [];
  stream.on("data", (bytes: Buffer) => received.push(bytes.toString()));
  const status = new Promise<grpc.StatusObject>((resolve) => stream.on("status", resolve));
  for (let i = 0; i < 20; i++) stream.write(Buffer.from(`message ${i}`));
  stream.end();
  t.is((await status).code, grpc.status.OK);
  t.deepEqual(
    received,
    Array.from({ length: 20 }, (_, i) => `message ${i}`),
  );
});
