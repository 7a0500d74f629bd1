// SPDX-License-Identifier: Apache-2.0

import { gzipSync } from "node:zlib";

import test from "ava";

import { REQUEST_BYTES, Status, StatusError } from "../grpc/mod.ts";
import type { MetadataEntry } from "../protocol/mod.ts";
import type { Command } from "../router/mod.ts";

import { until } from "../../test/lib/until.ts";
import { statusDetails } from "./status-details.ts";
import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS, readText, readUntil } from "./testdata/http-clients.ts";
import { echo, echoStream, runEndpoint } from "./testdata/running-endpoint.ts";

const OK = { "grpc-status": "0" };
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: one message in, one out, the trailers in a last frame`, async (t) => {
    const endpoint = await runEndpoint(t);
    const reply = await send(endpoint.port, webCall("Say", webFrame("hi")));
    t.is(reply.status, 200);
    t.is(reply.headers["content-type"], "application/grpc-web+proto");
    t.is(reply.headers["grpc-status"], undefined);
    t.deepEqual(await readWebAnswer(reply), { messages: ["hi"], packed: [false], trailers: OK });
  });

  test(`${version}: text: base64 in padded pieces goes in, base64 comes out`, async (t) => {
    const endpoint = await runEndpoint(t);
    const frame = webFrame("hi");
    const body = base64(frame.subarray(0, 2)) + base64(frame.subarray(2, 6)) + base64(frame.subarray(6));
    t.true(body.includes("=="));
    const reply = await send(endpoint.port, webCall("Say", body));
    t.is(reply.headers["content-type"], "application/grpc-web-text+proto");
    t.deepEqual(await readWebAnswer(reply), { messages: ["hi"], packed: [false], trailers: OK });
  });

  test(`${version}: the answer is text or binary as its caller accepts`, async (t) => {
    const endpoint = await runEndpoint(t);
    for (const [accept, type] of [
      ["application/grpc-web-text", "application/grpc-web-text+proto"],
      ["application/grpc-web+proto", "application/grpc-web+proto"],
      ["*/*", "application/grpc-web+proto"],
    ] as const) {
      const reply = await send(endpoint.port, webCall("Say", webFrame("hi"), { accept }));
      t.is(reply.headers["content-type"], type);
      t.deepEqual((await readWebAnswer(reply)).messages, ["hi"]);
    }
  });

  test(`${version}: server streaming, and a stream that is sent whole before the answer`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* ({ input, method }) {
      for await (const payload of input)
        for (const word of method.desc.name === "Recite" ? Buffer.from(payload).toString() : [payload])
          yield { payload: Buffer.from(word as string), metadata: [] };
    });
    const recited = await send(endpoint.port, webCall("Recite", webFrame("abc")));
    t.deepEqual((await readWebAnswer(recited)).messages, ["a", "b", "c"]);
    const both = Buffer.concat([webFrame("one"), webFrame("two")]);
    for (const body of [both, base64(both)])
      t.deepEqual((await readWebAnswer(await send(endpoint.port, webCall("Chat", body)))).messages, [
        "one",
        "two",
      ]);
  });

  test(`${version}: each message of a stream comes when it is sent`, async (t) => {
    const go = Promise.withResolvers<void>();
    const endpoint = await runEndpoint(t, echo, {}, async function* () {
      yield { payload: Buffer.from("first"), metadata: [] };
      await go.promise;
    });
    const reply = await send(endpoint.port, webCall("Recite", webFrame("")));
    await readUntil(reply.body, "first");
    go.resolve();
    t.deepEqual((await readWebAnswer(reply)).trailers, OK);
  });

  test(`${version}: metadata travel in both directions, a deadline and a key with the command`, async (t) => {
    let seen: Command | undefined;
    const metadata: MetadataEntry[] = [{ key: "x-shelf", value: "7" }];
    const endpoint = await runEndpoint(t, async (command) => {
      seen = command;
      return { payload: command.payload, metadata };
    });
    const headers = { "x-one": "1", "x-two-bin": "AP8", "grpc-timeout": "9S", "idempotency-key": "k" };
    const reply = await send(endpoint.port, webCall("Say", webFrame("hi"), headers));
    t.is(reply.headers["x-shelf"], "7");
    await readWebAnswer(reply);
    const own = seen?.call.metadata.filter(({ key }) => key === "x-one" || key === "x-two-bin");
    t.deepEqual(own, [
      { key: "x-one", value: "1" },
      { key: "x-two-bin", value: Buffer.from([0, 255]) },
    ]);
    t.is(seen?.call.idempotencyKey, "k");
    t.true((seen?.call.deadlineMs ?? 0) > 0);
  });

  test(`${version}: a reply's metadata are headers, what is for trailers is in the last frame`, async (t) => {
    const metadata = [
      { key: "x-head", value: "1" },
      { key: "trailer:x-tail", value: "2" },
      { key: "trailer:x-tail-bin", value: Buffer.from([0, 255]) },
    ];
    const endpoint = await runEndpoint(t, async ({ payload }) => ({ payload, metadata }));
    const reply = await send(endpoint.port, webCall("Say", webFrame("hi")));
    t.is(reply.headers["x-head"], "1");
    t.is(reply.headers["x-tail"], undefined);
    t.deepEqual((await readWebAnswer(reply)).trailers, { ...OK, "x-tail": "2", "x-tail-bin": "AP8" });
  });

  test(`${version}: a failure is in the last frame, before the first message and behind it`, async (t) => {
    const failure = new StatusError(Status.NOT_FOUND, "GONE", "no more – ä");
    const endpoint = await runEndpoint(
      t,
      async () => {
        throw failure;
      },
      {},
      async function* () {
        yield { payload: Buffer.from("a"), metadata: [] };
        throw failure;
      },
    );
    const trailers = {
      "grpc-status": "5",
      "grpc-message": "no more %E2%80%93 %C3%A4",
      "perdure-error-code": "GONE",
      "grpc-status-details-bin": base64(statusDetails(failure) ?? Buffer.alloc(0)).replace(/=+$/, ""),
    };
    const unary = await send(endpoint.port, webCall("Say", webFrame("hi")));
    t.is(unary.status, 200);
    t.deepEqual(await readWebAnswer(unary), { messages: [], packed: [], trailers });
    const text = await send(endpoint.port, webCall("Recite", base64(webFrame("hi"))));
    t.deepEqual(await readWebAnswer(text), { messages: ["a"], packed: [false], trailers });
  });

  test(`${version}: a deadline that passes ends the call and cancels the command`, async (t) => {
    const cancelled = Promise.withResolvers<void>();
    const endpoint = await runEndpoint(t, (command) => {
      command.call.onCancel(() => cancelled.resolve());
      return new Promise(() => undefined);
    });
    const reply = await send(endpoint.port, webCall("Say", webFrame("hi"), { "grpc-timeout": "20m" }));
    t.like((await readWebAnswer(reply)).trailers, {
      "grpc-status": "4",
      "perdure-error-code": "DEADLINE_EXCEEDED",
    });
    await cancelled.promise;
  });

  test(`${version}: packed messages are read, and their caller gets packed answers`, async (t) => {
    const endpoint = await runEndpoint(t);
    const headers = { "grpc-encoding": "gzip" };
    for (const word of ["hi", "hi ".repeat(1_000)]) {
      const call = webCall("Say", webFrame(gzipSync(word), 1), headers);
      const reply = await send(endpoint.port, call);
      const { packed, trailers } = await readWebAnswer(reply);
      t.deepEqual(packed, [word.length > 1_024]);
      t.deepEqual(trailers, OK);
      t.is(reply.headers["grpc-encoding"], "gzip");
    }
  });

  test(`${version}: what is no call says so`, async (t) => {
    const endpoint = await runEndpoint(t);
    const code = async (path: string, headers: Record<string, string> = {}) => {
      const call = { ...webCall("Say", webFrame("hi"), headers), path };
      return (await readWebAnswer(await send(endpoint.port, call))).trailers?.["perdure-error-code"];
    };
    t.is(await code("/x.Y/Z"), "UNKNOWN_METHOD");
    t.is(await code("/perdure.test.library.Talks/Say", { "grpc-encoding": "br" }), "UNKNOWN_ENCODING");
    t.is(await code("/x.Y/Z", { "content-type": "application/GRPC-Web+proto" }), "UNKNOWN_METHOD");
    const json = { "content-type": "application/grpc-web+json" };
    t.is(await code("/perdure.test.library.Talks/Say", json), "UNKNOWN_FORMAT");
    t.is(await code("/perdure.test.library.Talks/Say", { "grpc-timeout": "soon" }), "BAD_TIMEOUT");
    const get = await send(endpoint.port, {
      ...webCall("Say", webFrame("hi")),
      method: "PUT",
    });
    t.is(get.status, 405);
    t.is(get.headers["allow"], "POST");
    t.is(get.headers["perdure-error-code"], "METHOD_NOT_ALLOWED");
    get.leave();
    endpoint.setSpec(undefined);
    t.is(await code("/perdure.test.library.Talks/Say"), "USER_FUNCTION_UNAVAILABLE");
  });

  test(`${version}: a caller who reads slowly holds the source, one who goes ends it (I11)`, async (t) => {
    for (const body of [webFrame(""), base64(webFrame(""))]) {
      let pulled = 0;
      const ended = Promise.withResolvers<void>();
      const endpoint = await runEndpoint(t, echo, {}, async function* () {
        try {
          for (;;) yield { payload: Buffer.alloc(10_000, pulled++), metadata: [] };
        } finally {
          ended.resolve();
        }
      });
      const { leave } = await send(endpoint.port, webCall("Recite", body));
      let before = -1;
      // The source is held back when the number stays the same for 50 rounds.
      for (let quiet = 0; quiet < 50; quiet = pulled === before ? quiet + 1 : 0) {
        before = pulled;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      t.true(pulled > 0 && pulled < 1_000, `${pulled} messages of 10 kB were pulled`);
      leave();
      await ended.promise;
    }
  });

  test(`${version}: a caller who goes cancels its command, also while its messages are held`, async (t) => {
    const called = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    // Over HTTP/1.1 the call ends only with its timeout, because a connection that is not read does not show that its
    // caller has left.
    const options = version === "HTTP/2" ? {} : { requestTimeoutMs: 500 };
    const endpoint = await runEndpoint(t, echo, options, async function* (command) {
      command.call.onCancel(() => cancelled.resolve());
      const messages = command.input[Symbol.asyncIterator]();
      await messages.next();
      yield { payload: Buffer.from("taken"), metadata: [] };
      called.resolve();
      await cancelled.promise;
    });
    const many = Buffer.concat(Array.from({ length: 100 }, () => webFrame(Buffer.alloc(10_000))));
    const { leave } = await send(endpoint.port, webCall("Chat", many));
    await called.promise;
    leave();
    await cancelled.promise;
    t.pass();
  });

  test(`${version}: what arrives before a method reads is counted, and read when it does (I11)`, async (t) => {
    const mayRead = Promise.withResolvers<void>();
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      await mayRead.promise;
      let count = 0;
      for await (const _ of command.input) count++;
      yield { payload: Buffer.from(String(count)), metadata: [] };
    });
    const { bytes } = endpoint.accounts;
    const answer = send(endpoint.port, webCall("Chat", Buffer.alloc(5 * 8_000)));
    await until("a part has arrived", () => bytes.used > 2 * REQUEST_BYTES);
    mayRead.resolve();
    const { messages } = await readWebAnswer(await answer);
    t.deepEqual(messages, ["8000"]);
    await until("nothing is counted any more", () => bytes.used === 0);
  });

  test(`${version}: a call that was answered is not cancelled, and its connection goes on`, async (t) => {
    let cancelled = 0;
    const endpoint = await runEndpoint(t, echo, {}, (command) => {
      command.call.onCancel(() => cancelled++);
      return echoStream(command);
    });
    for (let i = 0; i < 3; i++)
      await readWebAnswer(await send(endpoint.port, webCall("Chat", webFrame("a"))));
    await endpoint.close(0);
    t.is(cancelled, 0);
  });

  test(`${version}: pages of a named origin may read an answer`, async (t) => {
    const origin = "https://shop.example";
    const endpoint = await runEndpoint(t, echo, { corsOrigins: [origin] });
    const reply = await send(endpoint.port, webCall("Say", webFrame("hi"), { origin }));
    t.is(reply.headers["access-control-allow-origin"], origin);
    t.deepEqual((await readWebAnswer(reply)).messages, ["hi"]);
  });
}

test("a call of gRPC over HTTP/1.1 is told what is missing", async (t) => {
  const endpoint = await runEndpoint(t);
  const call = {
    ...webCall("Say", webFrame("hi"), { "content-type": "application/grpc" }),
    path: "/perdure.test.library.Library/GetBook",
  };
  const { status, headers, body } = await HTTP_CLIENTS["HTTP/1.1"](endpoint.port, call);
  t.is(status, 404);
  t.is(headers["perdure-error-code"], "UNKNOWN_PATH");
  t.regex(await readText(body), /gRPC is spoken over HTTP\/2/);
});
