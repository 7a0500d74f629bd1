// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import type { MetadataEntry } from "../protocol/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { CommandReply, Dispatch, StreamedCommand } from "../router/mod.ts";

import type { HttpCall } from "./testdata/http-clients.ts";
import { HTTP_CLIENTS, readText, readUntil } from "./testdata/http-clients.ts";
import { echo, echoStream, runEndpoint } from "./testdata/running-endpoint.ts";

const EVENTS = { accept: "text/event-stream" };

/** A call of a method of `Talks` by its default path. */
function talk(name: string, headers: Readonly<Record<string, string>> = {}): HttpCall {
  const path = `/perdure.test.library.Talks/${name}`;
  const body = '{"text":"abc"}';
  return { method: "POST", path, headers: { "content-type": "application/json", ...headers }, body };
}

function reply(command: StreamedCommand, json: JsonValue, metadata = NO_METADATA): CommandReply {
  const { output } = command.method.desc;
  return { payload: toBinary(output, fromJson(output, json)), metadata };
}

async function onlyInput(command: StreamedCommand): Promise<string> {
  const texts: string[] = [];
  for await (const payload of command.input)
    texts.push((fromBinary(command.method.desc.input, payload) as unknown as { text: string }).text);
  return texts.join("|");
}

/** One reply for each letter. */
const spell: Dispatch["streamed"] = async function* (command) {
  for (const text of await onlyInput(command)) yield reply(command, { text });
};

/** The same, but fails after the second reply. */
const stumble: Dispatch["streamed"] = async function* (command) {
  yield reply(command, { text: "a" });
  yield reply(command, { text: "b" });
  throw new StatusError(Status.NOT_FOUND, "GONE", 'no "more"\n');
};

const GONE =
  '{"code":5,"message":"no \\"more\\"\\n","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE","domain":"perdure.dev"}]}';

/** A source that never ends by itself. `state.ended` resolves when it has been ended. */
function endless(size: number) {
  const ended = Promise.withResolvers<void>();
  const state = { pulled: 0, ended: ended.promise };
  const streamed: Dispatch["streamed"] = async function* (command) {
    const answer = reply(
      command,
      command.method.desc.name === "Download"
        ? { data: Buffer.alloc(size).toString("base64") }
        : { text: "x".repeat(size) },
    );
    try {
      for (;;) {
        state.pulled++;
        yield answer;
      }
    } finally {
      ended.resolve();
    }
  };
  return { state, streamed };
}

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: replies are lines of JSON, to methods with a stream in both directions too`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, spell);
    for (const name of ["Recite", "Chat"]) {
      const { status, headers, body } = await send(endpoint.port, talk(name));
      t.is(status, 200);
      t.is(headers["content-type"], "application/json");
      t.is(headers["content-length"], undefined);
      t.is(await readText(body), '{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n');
    }
  });

  test(`${version}: replies are server-sent events to who asks for them`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, spell);
    for (const accept of ["text/event-stream", "text/event-stream, */*;q=0.1"]) {
      const { headers, body } = await send(endpoint.port, talk("Recite", { accept }));
      t.is(headers["content-type"], "text/event-stream");
      t.is(headers["cache-control"], "no-cache");
      t.is(await readText(body), 'data: {"text":"a"}\n\ndata: {"text":"b"}\n\ndata: {"text":"c"}\n\n');
    }
  });

  test(`${version}: silence between events is filled with comments, between lines it is not`, async (t) => {
    const clock = new ManualClock();
    let go = (): void => undefined;
    const slow: Dispatch["streamed"] = async function* (command) {
      yield reply(command, { text: "a" });
      await new Promise<void>((resolve) => (go = resolve));
      throw new StatusError(Status.NOT_FOUND, "GONE", 'no "more"\n');
    };
    const endpoint = await runEndpoint(t, echo, { streamKeepAliveMs: 1_000 }, slow, clock);
    const events = await send(endpoint.port, talk("Recite", EVENTS));
    let text = await readUntil(events.body, "\n\n");
    for (let i = 0; i < 2; i++) {
      clock.advance(999);
      clock.advance(1);
      text += await readUntil(events.body, ":\n\n");
    }
    go();
    text += await readText(events.body);
    t.is(text, `data: {"text":"a"}\n\n:\n\n:\n\nevent: error\ndata: ${GONE}\n\n`);
    const lines = await send(endpoint.port, talk("Recite"));
    t.is(await readUntil(lines.body, "\n"), '{"text":"a"}\n');
    clock.advance(10_000);
    go();
    t.is(await readText(lines.body), `{"error":${GONE}}\n`);
  });

  test(`${version}: a client stream gets exactly one message, and its one reply is no stream`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      yield reply(command, { text: await onlyInput(command) }, [{ key: "x-shelf", value: "7" }]);
    });
    const { headers, body } = await send(endpoint.port, talk("Gather", EVENTS));
    t.is(headers["content-type"], "application/json");
    t.is(headers["x-shelf"], "7");
    t.is(await readText(body), '{"text":"abc"}');
  });

  test(`${version}: no reply where one belongs is an error, no replies to a stream are an empty answer`, async (t) => {
    // oxlint-disable-next-line require-yield
    const endpoint = await runEndpoint(t, echo, {}, async function* () {
      return;
    });
    const one = await send(endpoint.port, talk("Gather"));
    t.is(one.status, 500);
    t.is(one.headers["perdure-error-code"], "NO_REPLY");
    one.leave();
    const none = await send(endpoint.port, talk("Recite"));
    t.is(none.status, 200);
    t.is(await readText(none.body), "");
  });

  test(`${version}: bytes go out as they are, with the content type of the first reply or its metadata`, async (t) => {
    let metadata: MetadataEntry[] = [];
    let contentType = "text/csv";
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      yield reply(command, { contentType, data: "YSxi" }, metadata);
      yield reply(command, { contentType: "image/png", data: "Cg==" });
    });
    const call = { path: "/downloads/x" };
    const csv = await send(endpoint.port, call);
    t.is(csv.headers["content-type"], "text/csv");
    t.is(await readText(csv.body), "a,b\n");
    contentType = "";
    const plain = await send(endpoint.port, call);
    t.is(plain.headers["content-type"], "application/octet-stream");
    plain.leave();
    metadata = [{ key: "Content-Type", value: "text/plain" }];
    const named = await send(endpoint.port, call);
    t.is(named.headers["content-type"], "text/plain");
    named.leave();
    const events = await send(endpoint.port, { ...call, headers: EVENTS });
    t.regex(await readText(events.body), /^data: \{"contentType":"","data":"YSxi","extensions":\[\]\}\n\n/);
  });

  test(`${version}: metadata of the first reply are headers, and the caller's headers reach the action`, async (t) => {
    let seen: readonly MetadataEntry[] = [];
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      seen = command.call.metadata;
      yield reply(command, {}, [{ key: "X-Shelf", value: "7" }]);
      yield reply(command, {}, [{ key: "X-Late", value: "8" }]);
    });
    const { headers, body } = await send(endpoint.port, talk("Recite", { "x-one": "1" }));
    t.is(headers["x-shelf"], "7");
    t.is(headers["x-late"], undefined);
    t.is(await readText(body), '{"text":""}\n{"text":""}\n');
    t.true(seen.some(({ key, value }) => key === "x-one" && value === "1"));
  });

  test(`${version}: a failure before the first reply is an error like any other`, async (t) => {
    // oxlint-disable-next-line require-yield
    const endpoint = await runEndpoint(t, echo, {}, async function* () {
      throw new StatusError(Status.NOT_FOUND, "GONE", "no more");
    });
    const read: unknown[] = [];
    for (const headers of [{}, EVENTS]) {
      const answer = await send(endpoint.port, talk("Recite", headers));
      t.is(answer.status, 404);
      t.is(answer.headers["perdure-error-code"], "GONE");
      read.push([answer.headers["content-type"], await readText(answer.body)]);
    }
    t.deepEqual(read, [
      ["text/plain; charset=utf-8", "no more"],
      ["application/json", GONE.replace(String.raw`no \"more\"\n`, "no more")],
    ]);
  });

  test(`${version}: to HEAD a stream without end has the head of its answer, and is ended`, async (t) => {
    const { state, streamed } = endless(1_000);
    const endpoint = await runEndpoint(t, echo, {}, streamed);
    const answer = await send(endpoint.port, { method: "HEAD", path: "/downloads/x" });
    t.is(answer.status, 200);
    t.is(answer.headers["content-type"], "application/octet-stream");
    t.is(await readText(answer.body), "");
    await state.ended;
    t.true(state.pulled <= 2, `${state.pulled} were pulled`);
  });

  test(`${version}: a failure in the middle is the last line, or an event of its own`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, stumble);
    const lines = await send(endpoint.port, talk("Recite"));
    t.is(await readText(lines.body), `{"text":"a"}\n{"text":"b"}\n{"error":${GONE}}\n`);
    const events = await send(endpoint.port, talk("Recite", EVENTS));
    const text = `data: {"text":"a"}\n\ndata: {"text":"b"}\n\nevent: error\ndata: ${GONE}\n\n`;
    t.is(await readText(events.body), text);
  });

  test(`${version}: an unforeseen failure in the middle tells the caller nothing`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      yield reply(command, {});
      throw new Error("secret");
    });
    const { body } = await send(endpoint.port, talk("Recite"));
    t.regex(await readText(body), /\n\{"error":\{"code":13,"message":"internal error",.*"reason":"INTERNAL"/);
  });

  test(`${version}: bytes that fail in the middle are broken off, so that nobody takes them for the whole`, async (t) => {
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      yield reply(command, { data: "YQ==" });
      throw new StatusError(Status.NOT_FOUND, "GONE", "no more");
    });
    await t.throwsAsync(async () => readText((await send(endpoint.port, { path: "/downloads/x" })).body));
  });

  test(`${version}: a reply that is not the output message is an error, wherever it comes`, async (t) => {
    let good = 0;
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      for (let i = 0; i < good; i++) yield reply(command, {});
      yield { payload: new Uint8Array([0x0a, 0xff]), metadata: NO_METADATA };
    });
    const first = await send(endpoint.port, talk("Recite"));
    t.is(first.headers["perdure-error-code"], "MALFORMED_REPLY");
    t.is(first.status, 500);
    first.leave();
    good = 1;
    const second = await send(endpoint.port, talk("Recite"));
    t.regex(await readText(second.body), /\n\{"error":\{"code":13,.*"reason":"MALFORMED_REPLY"/);
  });

  for (const [what, call] of Object.entries({
    lines: talk("Recite"),
    events: talk("Recite", EVENTS),
    bytes: { path: "/downloads/x" },
  })) {
    test(`${version}: ${what}: a caller who reads slowly holds the source, one who goes ends it (I11)`, async (t) => {
      const { state, streamed } = endless(10_000);
      const endpoint = await runEndpoint(t, echo, {}, streamed);
      const { leave } = await send(endpoint.port, call);
      let before = -1;
      // The source is held back when the number stays the same for 50 rounds.
      for (let quiet = 0; quiet < 50; quiet = state.pulled === before ? quiet + 1 : 0) {
        before = state.pulled;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      t.true(before > 0 && before < 1_000, `${before} replies of 10 kB were pulled`);
      leave();
      await state.ended;
    });
  }

  test(`${version}: a caller who goes while nothing happens cancels the command`, async (t) => {
    const cancelled = Promise.withResolvers<void>();
    const endpoint = await runEndpoint(t, echo, {}, async function* (command) {
      command.call.onCancel(() => cancelled.resolve());
      yield reply(command, { text: "a" });
      await cancelled.promise;
    });
    const { body, leave } = await send(endpoint.port, talk("Recite"));
    await readUntil(body, "\n");
    leave();
    await cancelled.promise;
    t.pass();
  });

  test(`${version}: a command whose stream came to its end is not cancelled afterwards`, async (t) => {
    let cancelled = 0;
    const endpoint = await runEndpoint(t, echo, {}, (command) => {
      command.call.onCancel(() => cancelled++);
      return echoStream(command);
    });
    const { body } = await send(endpoint.port, talk("Recite"));
    await readText(body);
    await endpoint.close(0);
    t.is(cancelled, 0);
  });

  test(`${version}: a stream counts as an open request until its end`, async (t) => {
    const { streamed } = endless(1);
    const endpoint = await runEndpoint(t, echo, { maxOpenRequests: 1 }, streamed);
    const held = await send(endpoint.port, talk("Recite"));
    const refused = await send(endpoint.port, { path: "/books/1" });
    t.is(refused.headers["perdure-error-code"], "ENDPOINT_OVERLOADED");
    refused.leave();
    held.leave();
    for (let status = 0; status !== 200; ) {
      const next = await send(endpoint.port, { path: "/books/1" });
      ({ status } = next);
      next.leave();
    }
    t.pass();
  });
}
