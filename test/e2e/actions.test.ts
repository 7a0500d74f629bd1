// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";

import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { ActionCommand } from "../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "../lib/counter.ts";
import { counterAmount, counterFunction, GET } from "../lib/counter-function.ts";
import { startWorld } from "../lib/local-proxy.ts";
import type { ScriptedAction } from "../lib/scripted-actions.ts";
import { line, lineAny, lineReply, TALKS_SERVICE, talksSpec, textOf } from "../lib/talks.ts";
import { until } from "../lib/until.ts";

const path = (name: string): string => `/${TALKS_SERVICE}/${name}`;
const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const text = ({ payload }: ActionCommand): string => textOf(payload?.value);

/** Starts a proxy in front of an action that runs the script, and a client of grpc-js. */
async function start(
  t: ExecutionContext,
  onAction: (call: ScriptedAction) => void | Promise<void>,
  env: Record<string, string> = {},
) {
  const failures: unknown[] = [];
  const world = await startWorld(
    t,
    {
      spec: talksSpec(),
      onMessage: counterFunction(),
      onAction: (call) =>
        void Promise.resolve(onAction(call)).catch((error: unknown) => failures.push(error)),
    },
    env,
  );
  const client = new Client(`127.0.0.1:${world.proxy.port}`, credentials.createInsecure(), {
    "grpc.enable_retries": 0,
  });
  t.teardown(() => {
    client.close();
    if (failures.length > 0) throw new AggregateError(failures, "the script failed");
  });
  const say = (words: string, metadata = new Metadata()): Promise<string> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path("Say"), same, same, line(words), metadata, (error, reply) =>
        error === null ? resolve(textOf(reply)) : reject(error),
      );
    });
  const recite = (words: string): ClientReadableStream<Buffer> =>
    client.makeServerStreamRequest(path("Recite"), same, same, line(words));
  const chat = () => client.makeBidiStreamRequest<Uint8Array, Buffer>(path("Chat"), same, same);
  const gather = (words: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(path("Gather"), same, same, (error, reply) =>
        error === null ? resolve(textOf(reply)) : reject(error),
      );
      for (const word of words) call.write(line(word));
      call.end();
    });
  return { ...world, say, recite, chat, gather };
}

async function collect(call: ClientReadableStream<Buffer>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of call) seen.push(textOf(message as Buffer));
  return seen;
}

// The four shapes

test("unary: over gRPC and HTTP with JSON, with metadata both ways", async (t) => {
  const commands: ActionCommand[] = [];
  const world = await start(t, async ({ shape, commands: received, send }) => {
    t.is(shape, "handleUnary");
    for await (const command of received) {
      commands.push(command);
      const entries = [
        { key: "X-Answer", value: { case: "stringValue" as const, value: "42" } },
        { key: "x-bytes", value: { case: "bytesValue" as const, value: Buffer.from("no header") } },
      ];
      const { value } = lineReply(text(command).toUpperCase()).response;
      await send({ response: { case: "reply", value: { ...value, metadata: { entries } } } });
    }
  });
  const metadata = new Metadata();
  metadata.add("x-one", "1");
  metadata.add("x-two-bin", Buffer.from([0, 255]));
  t.is(await world.say("hello", metadata), "HELLO");
  t.like(commands[0], { serviceName: TALKS_SERVICE, name: "Say" });
  const own = commands[0]?.metadata?.entries.filter(({ key }) => key.startsWith("x-"));
  t.deepEqual(
    own?.map(({ key, value }) => [key, value.case, Buffer.from(value.value as string).toString("hex")]),
    [
      ["x-one", "stringValue", "31"],
      ["x-two-bin", "bytesValue", "00ff"],
    ],
  );
  const answer = await fetch(`http://127.0.0.1:${world.proxy.port}${path("Say")}`, {
    method: "POST",
    headers: { "content-type": "application/json", "X-Three": "3" },
    body: '{"text":"hello"}',
  });
  t.is(await answer.text(), '{"text":"HELLO"}');
  t.is(answer.headers.get("x-answer"), "42");
  t.is(answer.headers.get("x-bytes"), null);
  const three = commands[1]?.metadata?.entries.find(({ key }) => key === "x-three");
  t.deepEqual(three?.value, { case: "stringValue", value: "3" });
});

test("streamed in: what is for the method comes first and alone, then the payloads, then one answer", async (t) => {
  const commands: ActionCommand[] = [];
  const { gather } = await start(t, async (call) => {
    t.is(call.shape, "handleStreamedIn");
    for await (const command of call.commands) commands.push(command);
    await call.send(lineReply(commands.slice(1).map(text).join("+")));
  });
  t.is(await gather(["a", "b", "c"]), "a+b+c");
  t.like(commands[0], { serviceName: TALKS_SERVICE, name: "Gather", payload: undefined });
  t.truthy(commands[0]?.metadata);
  for (const command of commands.slice(1))
    t.like(command, { serviceName: "", name: "", metadata: undefined });
});

test("streamed out: one command, many answers, of which those without a reply are none", async (t) => {
  const { recite } = await start(t, async (call) => {
    t.is(call.shape, "handleStreamedOut");
    for await (const command of call.commands) {
      t.like(command, { serviceName: TALKS_SERVICE, name: "Recite" });
      for (const word of text(command)) await call.send(word === "-" ? {} : lineReply(word));
    }
    call.end();
  });
  t.deepEqual(await collect(recite("ab-c")), ["a", "b", "c"]);
  t.deepEqual(await collect(recite("---")), []);
});

test("streamed: answers come while the caller still sends", async (t) => {
  const { chat } = await start(t, async (call) => {
    t.is(call.shape, "handleStreamed");
    let isFirst = true;
    for await (const command of call.commands) {
      if (!isFirst) await call.send(lineReply(`${text(command)}!`));
      isFirst = false;
    }
    call.end();
  });
  const call = chat();
  for (const word of ["one", "two", "three"]) {
    call.write(line(word));
    t.is(textOf(await new Promise<Buffer>((resolve) => call.once("data", resolve))), `${word}!`);
  }
  call.end();
  t.deepEqual(await collect(call), []);
});

test("a user function that ends a stream ends it for the caller, who may still have had more to say", async (t) => {
  const { chat } = await start(t, async (call) => {
    await call.send(lineReply("enough"));
    call.end();
  });
  const call = chat();
  call.write(line("a"));
  t.deepEqual(await collect(call), ["enough"]);
});

// Failures

test("no reply where one belongs is an error", async (t) => {
  const { say, gather } = await start(t, async (call) => {
    for await (const _command of call.commands) if (call.shape === "handleUnary") break;
    await call.send({});
  });
  await t.throwsAsync(say("a"), { message: /answered without a reply/ });
  await t.throwsAsync(gather([]), { message: /answered without a reply/ });
});

test("a failure is the caller's, with its text, and ends a stream for both sides", async (t) => {
  const cancelled: string[] = [];
  const failure = { response: { case: "failure" as const, value: { description: "not today" } } };
  const world = await start(t, async (call) => {
    if (call.shape !== "handleUnary") void call.cancelled.then(() => cancelled.push(call.shape));
    if (call.shape === "handleStreamed") await call.send(lineReply("a"));
    await call.send(failure);
  });
  const notToday = { code: status.UNKNOWN, details: "not today" };
  t.like(await t.throwsAsync<ServiceError>(world.say("a")), notToday);
  t.like(await t.throwsAsync<ServiceError>(collect(world.recite("a"))), notToday);
  const call = world.chat();
  const seen: string[] = [];
  call.on("data", (bytes: Buffer) => seen.push(textOf(bytes)));
  const error = await new Promise((resolve) => call.on("error", resolve));
  t.like(error, notToday);
  t.deepEqual(seen, ["a"]);
  await until("the user function hears of it", () => cancelled.length === 2);
  const http = await world.http.call(path("Say"), { body: { text: "a" } });
  t.like(http, { status: 500, body: "not today", errorCode: "COMMAND_FAILED" });
});

test("a status of the action itself goes to the caller as it is, with its trailers", async (t) => {
  const world = await start(t, (call) => call.fail(status.NOT_FOUND, "no such talk", { "x-hint": "louder" }));
  for (const failing of [
    world.say("a"),
    world.gather([]),
    collect(world.recite("a")),
    collect(world.chat()),
  ]) {
    const error = await t.throwsAsync<ServiceError>(failing);
    t.like(error, { code: status.NOT_FOUND, details: "no such talk" });
    t.deepEqual(error?.metadata.get("x-hint"), ["louder"]);
  }
  const http = await world.http.call(path("Say"), { body: { text: "a" } });
  t.like(http, { status: 404, body: "no such talk", errorCode: "NOT_FOUND" });
});

test("I12: garbage for an answer is told to both sides", async (t) => {
  const world = await start(t, (call) => call.sendBytes(Buffer.from("garbage")));
  for (const failing of [
    world.say("a"),
    world.gather([]),
    collect(world.recite("a")),
    collect(world.chat()),
  ]) {
    const error = await t.throwsAsync<ServiceError>(failing);
    t.deepEqual(error?.metadata.get("perdure-error-code"), ["PROTOCOL_VIOLATION"]);
  }
  await until("it is told", () => world.userFunction.reports.length === 4);
  t.regex(
    world.userFunction.reports[0] ?? "",
    /answer to perdure\.test\.Talks\.\w+ is not an ActionResponse/,
  );
});

// Time

test("a caller that cancels, or whose time is over, ends the call at the user function", async (t) => {
  const cancelled: string[] = [];
  const opened: string[] = [];
  const world = await start(t, (call) => {
    opened.push(call.shape);
    void call.cancelled.then(() => cancelled.push(call.shape));
  });
  const abort = new AbortController();
  const said = world.grpc.callBytes(path("Say"), line("a"), abort.signal);
  const calls = [world.recite("a"), world.chat()];
  for (const call of calls) call.on("error", () => undefined);
  await until("all are open", () => opened.length === 3);
  abort.abort();
  for (const call of calls) call.cancel();
  await t.throwsAsync(said);
  await until("all are cancelled", () => cancelled.length === 3);
  t.deepEqual(cancelled.toSorted(), ["handleStreamed", "handleStreamedOut", "handleUnary"]);
});

test("one command has a relay time-out, a stream only an idle one", async (t) => {
  const cancelled: string[] = [];
  const env = { PERDURE_RELAY_TIMEOUT_MS: "300", PERDURE_STREAM_IDLE_TIMEOUT_MS: "700" };
  const world = await start(
    t,
    async (call) => {
      void call.cancelled.then(() => cancelled.push(call.shape));
      if (call.shape !== "handleStreamed") return;
      for await (const command of call.commands)
        if (text(command) !== "") await call.send(lineReply("still here"));
    },
    env,
  );
  const error = await t.throwsAsync<ServiceError>(world.say("a"));
  t.like(error, { code: status.DEADLINE_EXCEEDED });
  t.deepEqual(error?.metadata.get("perdure-error-code"), ["RELAY_TIMEOUT"]);
  const call = world.chat();
  const ended = new Promise<ServiceError>((resolve) => call.on("error", resolve));
  for (let i = 0; i < 4; i++) {
    call.write(line("hello"));
    t.is(textOf(await new Promise<Buffer>((resolve) => call.once("data", resolve))), "still here");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const idle = await ended;
  t.like(idle, { code: status.DEADLINE_EXCEEDED });
  t.deepEqual(idle.metadata.get("perdure-error-code"), ["STREAM_IDLE"]);
  await until("both are cancelled", () => cancelled.length === 2);
});

test("a user function that is gone fails its streams, and the next command says so", async (t) => {
  const world = await start(t, (call) => call.send(lineReply("a")));
  const call = world.chat();
  const failed = new Promise<ServiceError>((resolve) => call.on("error", resolve));
  await new Promise((resolve) => call.once("data", resolve));
  world.userFunction.kill();
  t.is((await failed).code, status.UNAVAILABLE);
  t.is((await t.throwsAsync<ServiceError>(world.say("a")))?.code, status.UNAVAILABLE);
});

// Forwards and side effects

const call = (name: string, id: string, amount: number) => ({
  serviceName: COUNTER_SERVICE,
  commandName: name,
  payload: { typeUrl: `type.googleapis.com/${COUNTER_REQUEST}`, value: counterRequest(id, amount) },
});

test("an action works on entities by side effects, and forwards to them", async (t) => {
  const world = await start(t, async ({ shape, commands, send, end }) => {
    for await (const command of commands) {
      if (shape === "handleStreamed" && command.serviceName !== "") continue;
      const sideEffects = [
        { ...call("Add", "ann", 3), synchronous: true },
        { ...call("Add", "", 1), synchronous: true },
        call("Multiply", "ann", 2),
      ];
      if (text(command) === "forward")
        await send({ response: { case: "forward", value: call("Add", "ann", 4) } });
      else await send({ ...lineReply("added"), sideEffects });
    }
    end();
  });
  const total = async (): Promise<number> => counterAmount(await world.grpc.call(GET, { id: "ann" }));
  t.is(await world.say("effects"), "added");
  t.is(await total(), 3);
  const talk = world.chat();
  for (const word of ["effects", "effects"]) talk.write(line(word));
  talk.end();
  t.deepEqual(await collect(talk), ["added", "added"]);
  t.is(await total(), 9);
  await world.say("forward");
  t.is(await total(), 13);
  const { reports } = world.userFunction;
  await until("all is reported", () => reports.length === 7);
  const trace = "side-effect of perdure.test.Talks";
  t.is(reports.filter((report) => report.endsWith(`(ENTITY_KEY_MISSING), ${trace}.Say`)).length, 1);
  t.is(reports.filter((report) => report.endsWith(`(ENTITY_KEY_MISSING), ${trace}.Chat`)).length, 2);
  t.is(reports.filter((report) => report.startsWith('unknown command "Multiply"')).length, 3);
  t.is(reports.filter((report) => /Say answered .*Request, but .*Line is declared/.test(report)).length, 1);
});

// Back-pressure

const CHUNK = line(Buffer.alloc(65_536, 97));

/** Returns the count when it has stayed the same for a while. */
async function settled(count: () => number): Promise<number> {
  let before = -1;
  for (let quiet = 0; quiet < 100; quiet = count() === before ? quiet + 1 : 0) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  return before;
}

test("a caller that reads slowly holds the user function back, and loses nothing (I11)", async (t) => {
  let sent = 0;
  const TOTAL = 300;
  const { proxy } = await start(t, async (call) => {
    for (; sent < TOTAL; sent++) {
      await call.send({ response: { case: "reply", value: { payload: lineAny(Buffer.alloc(65_536, 97)) } } });
    }
    call.end();
  });
  // A bare client, since one of grpc-js reads ahead.
  const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": path("Recite"),
    "content-type": "application/grpc",
  });
  stream.end(frame(line("a")));
  await once(stream, "response");
  const held = await settled(() => sent);
  t.true(held < 100, `${held} messages of 64 KiB were sent although nobody reads`);
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  t.is(bytes, TOTAL * frame(CHUNK).length);
  t.is(sent, TOTAL);
});

test("a user function that reads slowly holds the caller back, and loses nothing (I11)", async (t) => {
  const read = Promise.withResolvers<void>();
  const TOTAL = 300;
  const { proxy } = await start(t, async (call) => {
    await read.promise;
    let received = -1;
    for await (const _command of call.commands) received++;
    await call.send(lineReply(String(received)));
  });
  const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": path("Gather"),
    "content-type": "application/grpc",
  });
  let written = 0;
  const writing = (async () => {
    for (; written < TOTAL; written++) if (!stream.write(frame(CHUNK))) await once(stream, "drain");
    stream.end();
  })();
  const held = await settled(() => written);
  t.true(held < 100, `${held} messages of 64 KiB were taken although nobody reads`);
  read.resolve();
  await writing;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  t.is(textOf(Buffer.concat(chunks).subarray(5)), String(TOTAL));
});

/** A message as gRPC frames it. */
function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
