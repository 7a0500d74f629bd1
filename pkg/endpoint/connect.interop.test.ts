// SPDX-License-Identifier: Apache-2.0

import type { CallOptions, Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createGrpcTransport,
  createGrpcWebTransport as createNodeTransport,
} from "@connectrpc/connect-node";
import { createGrpcWebTransport as createBrowserTransport } from "@connectrpc/connect-web";
import test from "ava";

import { Status, StatusError } from "../grpc/mod.ts";
import type { Command } from "../router/mod.ts";

import { echo, echoStream, runEndpoint, spec } from "./testdata/running-endpoint.ts";

interface Line {
  readonly text: string;
}

/** The interface of a generated client of `Talks`. */
interface TalksClient {
  say(line: Line, options?: CallOptions): Promise<Line>;
  gather(lines: AsyncIterable<Line>, options?: CallOptions): Promise<Line>;
  recite(line: Line, options?: CallOptions): AsyncIterable<Line>;
  chat(lines: AsyncIterable<Line>, options?: CallOptions): AsyncIterable<Line>;
}

function talks(transport: Transport): TalksClient {
  const service = spec.services.get("perdure.test.library.Talks");
  if (service === undefined) throw new Error("no service Talks");
  return createClient(service.desc, transport) as unknown as TalksClient;
}

/**
 * Connect's own clients: the browser's over `fetch`, and Node's over both versions of HTTP. Node's client packs its
 * messages.
 */
const packing = { sendCompression: compressionGzip, compressMinBytes: 0 };
const transports: Readonly<
  Record<string, { readonly streamsIn: boolean; open(baseUrl: string): Transport }>
> = {
  "gRPC-Web in a browser": {
    streamsIn: false,
    open: (baseUrl) => createBrowserTransport({ baseUrl }),
  },
  "gRPC-Web over HTTP/1.1": {
    streamsIn: true,
    open: (baseUrl) => createNodeTransport({ baseUrl, httpVersion: "1.1", ...packing }),
  },
  "gRPC-Web over HTTP/2": {
    streamsIn: true,
    open: (baseUrl) => createNodeTransport({ baseUrl, httpVersion: "2", ...packing }),
  },
  gRPC: {
    streamsIn: true,
    open: (baseUrl) => createGrpcTransport({ baseUrl, ...packing }),
  },
};

async function* lines(...texts: readonly string[]): AsyncGenerator<Line> {
  for (const text of texts) yield { text };
}

async function texts(replies: AsyncIterable<Line>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { text } of replies) seen.push(text);
  return seen;
}

const LONG = "long ".repeat(20_000);

for (const [name, { streamsIn, open }] of Object.entries(transports)) {
  test(`${name}: messages, headers and deadlines`, async (t) => {
    let seen: Command | undefined;
    const endpoint = await runEndpoint(t, async (command) => {
      seen = command;
      return { payload: command.payload, metadata: [{ key: "x-shelf", value: "7" }] };
    });
    const client = talks(open(endpoint.url));
    let shelf: string | null | undefined;
    const reply = await client.say(
      { text: LONG },
      {
        headers: { "x-one": "1" },
        timeoutMs: 60_000,
        onHeader: (headers) => (shelf = headers.get("x-shelf")),
      },
    );
    t.is(reply.text, LONG);
    t.is(String(shelf), "7");
    t.true(seen?.call.metadata.some(({ key, value }) => key === "x-one" && value === "1"));
    t.true((seen?.call.deadlineMs ?? 0) > 0);
  });

  test(`${name}: server streaming, and a failure in the middle`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* ({ input }) {
      for await (const payload of input) {
        yield { payload, metadata: [] };
        yield { payload, metadata: [] };
      }
      throw new StatusError(Status.NOT_FOUND, "GONE", "no more – ä");
    });
    const seen: string[] = [];
    const error = await t.throwsAsync<ConnectError>(
      async () => {
        for await (const { text } of talks(open(endpoint.url)).recite({ text: LONG })) seen.push(text);
      },
      { instanceOf: ConnectError },
    );
    t.deepEqual(seen, [LONG, LONG]);
    t.is(error?.code, Code.NotFound);
    t.is(error?.rawMessage, "no more – ä");
    t.is(error?.metadata.get("perdure-error-code"), "GONE");
  });

  test(`${name}: a failure without any message, and a method that is not there`, async (t) => {
    const endpoint = await runEndpoint(t, async () => {
      throw new StatusError(Status.UNAVAILABLE, "LATER", "try again");
    });
    const client = talks(open(endpoint.url));
    t.like(await t.throwsAsync(client.say({ text: "" })), {
      code: Code.Unavailable,
      rawMessage: "try again",
    });
    endpoint.setSpec({ ...spec, services: new Map() });
    t.like(await t.throwsAsync(client.say({ text: "" })), { code: Code.Unimplemented });
  });

  test(`${name}: a deadline that passes, and a caller who gives up, cancel the command`, async (t) => {
    const cancelled = new Map([
      ["late", Promise.withResolvers<void>()],
      ["enough", Promise.withResolvers<void>()],
    ]);
    const aborter = new AbortController();
    const endpoint = await runEndpoint(t, (command) => {
      const word = Buffer.from(command.payload.subarray(2)).toString();
      if (word === "") return echo(command);
      command.call.onCancel(() => cancelled.get(word)?.resolve());
      if (word === "enough") aborter.abort();
      return new Promise(() => undefined);
    });
    const client = talks(open(endpoint.url));
    // Makes a first call, so that its extra cost does not count against the deadline below.
    await client.say({ text: "" });
    const late = client.say({ text: "late" }, { timeoutMs: 500 });
    t.like(await t.throwsAsync(late), { code: Code.DeadlineExceeded });
    await cancelled.get("late")?.promise;
    const enough = client.say({ text: "enough" }, { signal: aborter.signal });
    t.like(await t.throwsAsync(enough), { code: Code.Canceled });
    await cancelled.get("enough")?.promise;
  });

  if (!streamsIn) continue;
  test(`${name}: streams of messages go in`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      if (command.method.desc.name === "Chat") return yield* echoStream(command);
      let last: Uint8Array | undefined;
      for await (const payload of command.input) last = payload;
      if (last !== undefined) yield { payload: last, metadata: [] };
    });
    const client = talks(open(endpoint.url));
    t.is((await client.gather(lines("a", "b", LONG))).text, LONG);
    t.deepEqual(await texts(client.chat(lines("a", LONG, "c"))), ["a", LONG, "c"]);
  });
}
