// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import test from "ava";

import { Status, StatusError } from "../../grpc/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { CommandReply, Dispatch, StreamedCommand } from "../../router/mod.ts";

import { echo, runEndpoint } from "../testdata/running-endpoint.ts";
import { refusal, Talker } from "../testdata/web-sockets.ts";

const HELLO = '{"text":"hello"}';
const line = (text: string): string => JSON.stringify({ text });

function reply({ method }: StreamedCommand, json: JsonValue): CommandReply {
  const { output } = method.desc;
  return { payload: toBinary(output, fromJson(output, json)), metadata: NO_METADATA };
}

function textOf({ method }: StreamedCommand, payload: Uint8Array): string {
  const { input } = method.desc;
  return (toJson(input, fromBinary(input, payload)) as { readonly text?: string }).text ?? "";
}

/** Answers by the method: `Gather` with all texts joined, `Chat` with each text, the others with each letter. */
const talk: Dispatch["streamed"] = async function* (command) {
  const joined: string[] = [];
  for await (const payload of command.input) {
    const text = textOf(command, payload);
    if (command.method.desc.name === "Gather") joined.push(text);
    else if (command.method.desc.name === "Chat") yield reply(command, { text: `${text}!` });
    else for (const letter of text) yield reply(command, { text: letter });
  }
  if (command.method.desc.name === "Gather") yield reply(command, { text: joined.join("+") });
};

/** Records the metadata of the commands, and when one of them is cancelled. */
function watched(streamed: Dispatch["streamed"] = talk) {
  const cancelled = Promise.withResolvers<void>();
  const seen: Metadata[] = [];
  const dispatch: Dispatch["streamed"] = (command) => {
    seen.push(command.call.metadata);
    command.call.onCancel(() => cancelled.resolve());
    return streamed(command);
  };
  return { dispatch, cancelled: cancelled.promise, seen };
}

function errorFrame(code: Status, reason: string, message: string): string {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "perdure.dev" };
  return JSON.stringify({ error: { code, message, details: [info] } });
}

test("both directions: replies come while the caller still sends; an empty text ends its messages", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, talk);
  const talker = new Talker(t, port, "Chat");
  await talker.say(line("a"));
  t.deepEqual(await talker.heard(1), [line("a!")]);
  await talker.say(line("b"), line("c"), "");
  t.deepEqual(await talker.closed, [1000, ""]);
  t.deepEqual(talker.frames, [line("a!"), line("b!"), line("c!")]);
  t.is(talker.socket.protocol, "");
});

test("many in, one out", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, talk);
  const talker = await new Talker(t, port, "Gather").say(line("a"), line("b"), "");
  t.deepEqual(await talker.closed, [1000, ""]);
  t.deepEqual(talker.frames, [line("a+b")]);
});

test("one in, many out: the message is enough, and its end may be told or not", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, talk);
  for (const said of [[HELLO], [HELLO, ""]]) {
    const talker = await new Talker(t, port, "Recite").say(...said);
    t.deepEqual(await talker.closed, [1000, ""]);
    t.deepEqual(talker.frames, ["h", "e", "l", "l", "o"].map(line));
  }
});

test("perdure.proto: messages are bytes, empty ones too", async (t) => {
  const { port } = await runEndpoint(t);
  const bytes = new Uint8Array([0x0a, 1, 0x61]);
  const talker = new Talker(t, port, "Chat", { protocols: ["other", "perdure.proto", "perdure.json"] });
  await talker.say(bytes, new Uint8Array(0), "");
  t.deepEqual(await talker.closed, [1000, ""]);
  t.deepEqual(talker.frames, [Buffer.from(bytes), Buffer.alloc(0)]);
  t.is(talker.socket.protocol, "perdure.proto");
});

test("the WebSocket of browsers talks to it, with a subprotocol or none", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, talk);
  for (const protocols of [[], ["perdure.json"]]) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/perdure.test.library.Talks/Chat?x=1`, protocols);
    const heard: unknown[] = [];
    socket.addEventListener("open", () => {
      socket.send(line("a"));
      socket.send("");
    });
    socket.addEventListener("message", ({ data }) => heard.push(data));
    const { code, wasClean } = await new Promise<CloseEvent>((resolve) =>
      socket.addEventListener("close", resolve),
    );
    t.deepEqual([code, wasClean, heard], [1000, true, [line("a!")]]);
  }
});

test("a failure is a last text and a close code of its own, before any reply and behind some, in both forms", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, async function* (command) {
    for await (const payload of command.input) {
      if (textOf(command, payload) === "") throw new StatusError(Status.NOT_FOUND, "GONE", "no more");
      yield { payload, metadata: NO_METADATA };
    }
  });
  const gone = errorFrame(Status.NOT_FOUND, "GONE", "no more");
  const text = await new Talker(t, port, "Chat").say(line("a"), "{}", line("b"));
  t.deepEqual(await text.closed, [4005, "GONE"]);
  t.deepEqual(text.frames, [line("a"), gone]);
  const bytes = new Talker(t, port, "Chat", { protocols: ["perdure.proto"] });
  await bytes.say(new Uint8Array(0));
  t.deepEqual(await bytes.closed, [4005, "GONE"]);
  t.deepEqual(bytes.frames, [gone]);
});

test("an unforeseen failure and a reply that is none tell the caller nothing, and end the command", async (t) => {
  let bad: unknown = new Error("secret");
  const { dispatch, cancelled } = watched(async function* (command) {
    if (bad !== undefined) throw bad as Error;
    yield { payload: new Uint8Array([0x0a, 0xff]), metadata: NO_METADATA };
    yield reply(command, {});
  });
  const { port } = await runEndpoint(t, echo, {}, dispatch);
  const failed = new Talker(t, port, "Chat");
  t.deepEqual(await failed.closed, [4013, "HANDLER_FAILED"]);
  t.false(String(failed.frames[0]).includes("secret"));
  bad = undefined;
  const unreadable = new Talker(t, port, "Chat");
  t.deepEqual(await unreadable.closed, [4013, "MALFORMED_REPLY"]);
  await cancelled;
});

for (const [what, name, protocol, said, code] of [
  ["text that is no JSON", "Chat", "perdure.json", ["{"], "MALFORMED_JSON"],
  ["an unknown field", "Chat", "perdure.json", ['{"txt":""}'], "UNKNOWN_JSON_FIELD"],
  ["a field of another type", "Chat", "perdure.json", ['{"text":1}'], "WRONG_FIELD_TYPE"],
  ["bytes where texts belong", "Chat", "perdure.json", [Buffer.from("{}")], "WRONG_FRAME_TYPE"],
  ["text where bytes belong", "Chat", "perdure.proto", ["{}"], "WRONG_FRAME_TYPE"],
  ["a second message where one belongs", "Recite", "perdure.json", [HELLO, HELLO], "MESSAGE_COUNT"],
  ["no message where one belongs", "Recite", "perdure.json", [""], "MESSAGE_COUNT"],
  ["a message behind the end", "Chat", "perdure.json", ["", HELLO], "MESSAGE_COUNT"],
  ["a second end", "Chat", "perdure.json", ["", ""], "MESSAGE_COUNT"],
] as const) {
  test(`${what} ends the call with ${code}`, async (t) => {
    const { dispatch, cancelled } = watched(async function* (command) {
      for await (const _payload of command.input) yield* [];
      await cancelled;
      yield* [];
    });
    const { port } = await runEndpoint(t, echo, {}, dispatch);
    const talker = await new Talker(t, port, name, { protocols: [protocol] }).say(...said);
    const [closed, reason] = await talker.closed;
    t.is(reason, code);
    t.true(closed === 4003 || closed === 4012, `${closed}`);
    t.regex(String(talker.frames.at(-1)), new RegExp(`"reason":"${code}"`));
    if (said[0] !== "" || said.length > 1) await cancelled;
  });
}

test("a caller who closes, or breaks off, cancels the command", async (t) => {
  for (const leave of ["close", "terminate"] as const) {
    const { dispatch, cancelled } = watched();
    const { port } = await runEndpoint(t, echo, {}, dispatch);
    const talker = await new Talker(t, port, "Chat").say(line("a"));
    await talker.heard(1);
    talker.socket[leave]();
    await cancelled;
  }
  t.pass();
});

test("a command that came to its end is not cancelled afterwards", async (t) => {
  let cancelled = false;
  const endpoint = await runEndpoint(t, echo, {}, (command) => {
    command.call.onCancel(() => (cancelled = true));
    return talk(command);
  });
  const talker = await new Talker(t, endpoint.port, "Chat").say("");
  await talker.closed;
  await endpoint.close(0);
  t.false(cancelled);
});

test("the action hears the request's headers, but not what belongs to the WebSocket itself", async (t) => {
  const { dispatch, seen } = watched();
  const { port } = await runEndpoint(t, echo, {}, dispatch);
  const headers = { "x-one": "1", cookie: "a=b", "grpc-timeout": "1m" };
  const talker = await new Talker(t, port, "Chat", { protocols: ["perdure.json", "token.abc"], headers }).say(
    "",
  );
  await talker.closed;
  t.deepEqual(
    seen[0]?.map(({ key, value }) => [key, value]).filter(([key]) => key !== "user-agent"),
    [
      ["x-one", "1"],
      ["cookie", "a=b"],
      ["sec-websocket-protocol", "perdure.json,token.abc"],
    ],
  );
});

// Origins

test("a page of another origin is refused, unless its origin is allowed; then it brings no credentials", async (t) => {
  const { dispatch, seen } = watched();
  const corsOrigins = ["https://shop.example"];
  const strict = await runEndpoint(t, echo, {}, dispatch);
  const open = await runEndpoint(t, echo, { corsOrigins }, dispatch);
  const any = await runEndpoint(t, echo, { corsOrigins: ["*"] }, dispatch);
  const headers = (origin: string) => ({ origin, cookie: "a=b", authorization: "Basic x", "x-one": "1" });
  const passed = async (port: number, origin: string) => {
    const talker = await new Talker(t, port, "Chat", { headers: headers(origin) }).say("");
    t.deepEqual(await talker.closed, [1000, ""]);
    return seen
      .pop()
      ?.flatMap(({ key }) => (["cookie", "authorization", "x-one"].includes(key) ? [key] : []));
  };
  for (const origin of ["https://shop.example", "null", "file://", "nonsense"]) {
    const { status, code } = await refusal(t, strict.port, "Chat", { headers: headers(origin) });
    t.deepEqual([status, code], [403, "ORIGIN_NOT_ALLOWED"], origin);
  }
  t.is((await refusal(t, open.port, "Chat", { headers: headers("https://other.example") })).status, 403);
  t.deepEqual(await passed(open.port, "https://shop.example"), ["x-one"]);
  t.deepEqual(await passed(any.port, "null"), ["x-one"]);
  t.deepEqual(await passed(strict.port, `http://127.0.0.1:${strict.port}`), [
    "cookie",
    "authorization",
    "x-one",
  ]);
});

test("TLS ends before us: a page of the same host is of the same origin, also with the port of its scheme", async (t) => {
  const { port } = await runEndpoint(t, echo, {}, talk);
  for (const [origin, host] of [
    ["https://shop.example", "shop.example"],
    ["https://shop.example", "SHOP.example:443"],
    ["http://[::1]:8080", "[::1]:8080"],
  ] as const) {
    const talker = await new Talker(t, port, "Chat", { headers: { origin, host } }).say("");
    t.deepEqual(await talker.closed, [1000, ""]);
  }
  for (const [origin, host] of [
    ["https://shop.example", "shop.example:80"],
    ["https://shop.example.evil", "shop.example"],
  ] as const) {
    t.is((await refusal(t, port, "Chat", { headers: { origin, host } })).code, "ORIGIN_NOT_ALLOWED");
  }
});

// Refusals

test("what cannot be called is refused before there is a WebSocket", async (t) => {
  const endpoint = await runEndpoint(t, echo, {}, talk);
  const { port } = endpoint;
  const codeOf = async (name: string, call = {}) => {
    const { status, code } = await refusal(t, port, name, call);
    return `${status} ${code}`;
  };
  t.is(await codeOf("Nothing"), "404 UNKNOWN_PATH");
  t.is(await codeOf("", { path: "/downloads/x" }), "404 UNKNOWN_PATH");
  t.is(await codeOf("Say"), "400 NOT_STREAMED");
  t.is(await codeOf("Chat", { protocols: ["graphql-ws"] }), "400 UNKNOWN_SUBPROTOCOL");
  endpoint.setSpec(undefined);
  t.is(await codeOf("Chat"), "503 USER_FUNCTION_UNAVAILABLE");
});

test("a WebSocket is an open request until it is closed", async (t) => {
  const { port } = await runEndpoint(t, echo, { maxOpenRequests: 1 }, talk);
  const held = await new Talker(t, port, "Chat").say(line("a"));
  await held.heard(1);
  t.is((await refusal(t, port, "Chat")).code, "ENDPOINT_OVERLOADED");
  await held.say("");
  await held.closed;
  for (let ended = false; !ended; ) {
    const next = new Talker(t, port, "Chat");
    ended = await next.opened.then(
      () => true,
      () => false,
    );
  }
  t.pass();
});

// The end of the proxy

test("while the port drains, open calls go on and new ones are refused; who is left is told", async (t) => {
  const { dispatch, cancelled } = watched();
  const endpoint = await runEndpoint(t, echo, {}, dispatch);
  const first = await new Talker(t, endpoint.port, "Chat").say(line("a"));
  const second = await new Talker(t, endpoint.port, "Chat").say(line("a"));
  await Promise.all([first.heard(1), second.heard(1)]);
  const closed = endpoint.close(400);
  await first.say(line("b"), "");
  t.deepEqual(await first.closed, [1000, ""]);
  t.deepEqual(first.frames, [line("a!"), line("b!")]);
  t.deepEqual(await second.closed, [1001, "PROXY_STOPPING"]);
  t.is(second.frames.at(-1), errorFrame(Status.UNAVAILABLE, "PROXY_STOPPING", "the proxy is about to end"));
  await Promise.all([cancelled, closed]);
});
