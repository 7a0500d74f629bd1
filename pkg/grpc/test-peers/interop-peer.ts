// SPDX-License-Identifier: Apache-2.0

import type { Http2Server, ServerHttp2Session } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { systemClock } from "../../base/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { CallEnd } from "../call-end.ts";
import type { StreamHandlers } from "../client-call.ts";
import type { Connection } from "../connection.ts";
import { Metadata } from "../metadata.ts";
import type { BidiMethod, MethodHandler, UnaryMethod } from "../server-call.ts";
import { createServerContext } from "../server-context.ts";
import { createGrpcServerHandler } from "../server-handler.ts";
import type { GrpcServerOptions, Http2ServerLimits } from "../server-options.ts";
import { http2ServerOptions, tuneServerSession } from "../server-options.ts";
import { Status, StatusError } from "../status.ts";

// For tests: a server with the methods that every peer of the interop tests has, and checks of our client against any
// such peer.
//
// Echo   gives the request back; metadata `x-echo` comes back as header and trailer, `x-echo-bin` as trailer.
// Fail   ends with NOT_FOUND, a text that is not ASCII, and a trailer.
// Never  answers when it is cancelled, that is never.
// Big    gives as many bytes as the request says in digits.
// Pipe   (bidi) gives every message back, and ends when the caller has no more.

export const FAIL_TEXT = "kein Öl: 100 % weg";
export const MEBIBYTE = 1_048_576;

export interface TestServer {
  readonly port: number;
  /** Resolves when a call of `Never` has been cancelled. */
  readonly cancelled: () => Promise<void>;
  close(): Promise<void>;
}

const echo: UnaryMethod = {
  kind: "unary",
  async handle(request, call) {
    for (const value of call.metadata.getAll("x-echo")) {
      call.responseMetadata.add("x-echo", value);
      call.trailers.add("x-echo", value);
    }
    for (const value of call.metadata.getAll("x-echo-bin")) call.trailers.add("x-echo-bin", value);
    return request;
  },
};

const fail: UnaryMethod = {
  kind: "unary",
  async handle(_request, call) {
    call.trailers.set("x-why", "because");
    throw new StatusError(Status.NOT_FOUND, "NO_OIL", FAIL_TEXT);
  },
};

const big: UnaryMethod = {
  kind: "unary",
  handle: async (request) => Buffer.alloc(Number(Buffer.from(request).toString()), 7),
};

const pipe: BidiMethod = {
  kind: "bidi",
  handle(call) {
    call.receive({ onMessage: (bytes) => void call.send(bytes), onHalfClose: () => call.end() });
  },
};

/** Serves the methods above, and those given. */
export async function startTestServer(
  options: Partial<GrpcServerOptions> = {},
  limits: Http2ServerLimits = {},
  methods: Readonly<Record<string, MethodHandler>> = {},
): Promise<TestServer> {
  let onCancelled = (): void => undefined;
  const cancelled = new Promise<void>((resolve) => {
    onCancelled = resolve;
  });
  const never: UnaryMethod = {
    kind: "unary",
    handle: (_request, call) => new Promise(() => call.onCancel(onCancelled)),
  };
  const all: Record<string, MethodHandler> = {
    Echo: echo,
    Fail: fail,
    Never: never,
    Big: big,
    Pipe: pipe,
    ...methods,
  };
  const lookup = (path: string): MethodHandler | undefined =>
    path.startsWith("/interop.Peer/") ? all[path.slice("/interop.Peer/".length)] : undefined;
  const server = createServer(http2ServerOptions(limits));
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    tuneServerSession(session);
  });
  server.on(
    "stream",
    createGrpcServerHandler(
      createServerContext({ clock: systemClock, telemetry: NO_TELEMETRY, lookup, ...options }),
    ),
  );
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    cancelled: () => cancelled,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Http2Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** Collects a stream: what came, and how it ended. */
export function collect(): StreamHandlers & {
  readonly messages: string[];
  readonly ended: Promise<CallEnd>;
} {
  const messages: string[] = [];
  const { promise, resolve } = Promise.withResolvers<CallEnd>();
  return {
    messages,
    ended: promise,
    onMessage: (bytes) => void messages.push(Buffer.from(bytes).toString()),
    onEnd: resolve,
  };
}

/** The assertions that the checks need from a test. */
export interface Expect {
  deepEqual(found: unknown, expected: unknown): void;
  throws(call: Promise<unknown>, expected: Readonly<Record<string, unknown>>): Promise<void>;
}

/** What our client must get from any peer. */
export const CLIENT_CHECKS: Readonly<
  Record<string, (expect: Expect, connection: Connection) => Promise<void>>
> = {
  "a unary call is answered, with metadata both ways": async (expect, connection) => {
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const metadata = Metadata.of([
      ["x-echo", "text"],
      ["x-echo-bin", bytes],
    ]);
    const reply = await connection.unary("/interop.Peer/Echo", Buffer.from("hello"), { metadata });
    expect.deepEqual(Buffer.from(reply.message).toString(), "hello");
    expect.deepEqual(reply.metadata.getText("x-echo"), "text");
    expect.deepEqual(reply.trailers.getText("x-echo"), "text");
    expect.deepEqual(Buffer.from(reply.trailers.get("x-echo-bin") ?? ""), Buffer.from(bytes));
    const empty = await connection.unary("/interop.Peer/Echo", new Uint8Array(0));
    expect.deepEqual(empty.message.length, 0);
  },
  "a status comes with its text and trailers": async (expect, connection) => {
    const call = connection.unary("/interop.Peer/Fail", new Uint8Array(0));
    await expect.throws(call, { status: Status.NOT_FOUND, message: FAIL_TEXT });
    const error = await call.catch((thrown: unknown) => thrown);
    const { trailers } = error as { trailers: Metadata };
    expect.deepEqual(trailers.getText("x-why"), "because");
  },
  "an unknown method is UNIMPLEMENTED": async (expect, connection) => {
    const call = connection.unary("/interop.Peer/Nothing", new Uint8Array(0));
    await expect.throws(call, { status: Status.UNIMPLEMENTED });
  },
  "a deadline ends a call": async (expect, connection) => {
    const call = connection.unary("/interop.Peer/Never", new Uint8Array(0), { timeoutMs: 60 });
    await expect.throws(call, { status: Status.DEADLINE_EXCEEDED });
  },
  "a call can be cancelled": async (expect, connection) => {
    const controller = new AbortController();
    const call = connection.unary("/interop.Peer/Never", new Uint8Array(0), { signal: controller.signal });
    controller.abort();
    await expect.throws(call, { status: Status.CANCELLED, code: "CANCELLED" });
  },
  "a message of 4 MiB goes both ways": async (expect, connection) => {
    const message = Buffer.alloc(4 * MEBIBYTE, "0123456789");
    const reply = await connection.unary("/interop.Peer/Echo", message);
    expect.deepEqual(message.equals(reply.message), true);
  },
  "an answer that is too large is RESOURCE_EXHAUSTED": async (expect, connection) => {
    const call = connection.unary("/interop.Peer/Big", Buffer.from(String(5 * MEBIBYTE)));
    await expect.throws(call, { status: Status.RESOURCE_EXHAUSTED, code: "MESSAGE_TOO_LARGE" });
  },
  "a stream carries messages both ways until it is half-closed": async (expect, connection) => {
    const collected = collect();
    const stream = connection.open("/interop.Peer/Pipe", collected);
    for (let i = 0; i < 20; i++) stream.send(Buffer.from(`message ${i}`));
    stream.end();
    const end = await collected.ended;
    expect.deepEqual([end.status, end.code], [Status.OK, "OK"]);
    expect.deepEqual(
      collected.messages,
      Array.from({ length: 20 }, (_, i) => `message ${i}`),
    );
  },
  "a stream can be cancelled": async (expect, connection) => {
    const collected = collect();
    const stream = connection.open("/interop.Peer/Pipe", collected);
    stream.send(Buffer.from("one"));
    stream.cancel();
    expect.deepEqual((await collected.ended).status, Status.CANCELLED);
  },
  "answers are read, also where the peer packs them": async (expect, connection) => {
    const message = Buffer.alloc(100_000, "pack me ");
    const reply = await connection.unary("/interop.Peer/Echo", message);
    expect.deepEqual(message.equals(reply.message), true);
    const collected = collect();
    const stream = connection.open("/interop.Peer/Pipe", collected);
    for (let i = 0; i < 6; i++) stream.send(Buffer.from(`${i} `.repeat(i % 2 === 0 ? 1 : 2_000)));
    stream.end();
    expect.deepEqual((await collected.ended).status, Status.OK);
    expect.deepEqual(
      collected.messages.map((text) => text.slice(0, 2)),
      ["0 ", "1 ", "2 ", "3 ", "4 ", "5 "],
    );
  },
};
