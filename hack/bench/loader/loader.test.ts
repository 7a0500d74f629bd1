// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";

import { connectH2 } from "./h2-client.ts";
import { readAnswer } from "./http1-client.ts";
import type { Job } from "./job.ts";
import { range } from "./job.ts";
import { probe } from "./probe.ts";
import type { Client } from "./run.ts";
import { placeOf, runCallers, shareOf } from "./run.ts";

const now = (): number => performance.now();

const JOB: Job = {
  port: 0,
  protocol: "grpc",
  call: "addItem",
  callers: 3,
  entities: range(10, 8),
  until: { kind: "calls", perEntity: 2 },
};

/** Answers in a later turn of the event loop, and records which caller called which entity. */
function recorder(fails?: number): Client & { readonly calls: Map<number, number[]> } {
  const calls = new Map<number, number[]>();
  const busy = new Set<number>();
  return {
    calls,
    close: () => undefined,
    async call(caller, entity) {
      if (busy.has(caller)) throw new Error("a caller has two calls in flight");
      if (entity === fails) throw new Error(`entity ${entity} fails`);
      busy.add(caller);
      await nextTurn();
      busy.delete(caller);
      calls.set(entity, [...(calls.get(entity) ?? []), caller]);
    },
  };
}

test("every entity is called equally often, by one caller alone, who makes one call at a time", async (t) => {
  const client = recorder();
  const { calls } = await runCallers(client, JOB, now);
  t.is(calls, 16);
  t.deepEqual(
    [...client.calls.keys()].sort((a, b) => a - b),
    [10, 11, 12, 13, 14, 15, 16, 17],
  );
  for (const callers of client.calls.values()) {
    t.is(callers.length, 2);
    t.is(new Set(callers).size, 1);
  }
});

test("a timed job counts what was begun and answered while it measured, and ends", async (t) => {
  let nowMs = 100;
  const client: Client = {
    close: () => undefined,
    async call() {
      nowMs += 3;
    },
  };
  const until = { kind: "time", warmUpMs: 10, measureMs: 30 } as const;
  const load = await runCallers(client, { ...JOB, callers: 1, until }, () => nowMs);
  // Calls begin at 100, 103, … 139. Those that begin from 112 to 136 lie within 110 to 140.
  t.deepEqual(load, { calls: 9, allCalls: 14, p50Us: load.p50Us, p99Us: load.p50Us, perSecond: 300 });
  t.true(Math.abs(load.p50Us - 3_000) < 12);
});

test("with several servers each caller calls one of them, and only entities that are called there", async (t) => {
  const also = [
    { port: 2, entities: range(20, 4) },
    { port: 3, entities: range(30, 2) },
  ];
  const job: Job = { ...JOB, port: 1, also, callers: 5 };
  const places = range(0, 5).map((caller) => placeOf(caller, job));
  t.deepEqual(
    places.map(({ entrance, index, caller, callers }) => [entrance.port, index, caller, callers]),
    [
      [1, 0, 0, 2],
      [2, 1, 0, 2],
      [3, 2, 0, 1],
      [1, 0, 1, 2],
      [2, 1, 1, 2],
    ],
  );
  const client = recorder();
  t.is((await runCallers(client, job, now)).calls, 2 * (8 + 4 + 2));
  t.deepEqual(client.calls.get(31), [2, 2]);
  for (const entity of range(20, 4)) t.true(client.calls.get(entity)?.every((caller) => caller % 3 === 1));
});

test("one call that fails fails the job", async (t) => {
  await t.throwsAsync(runCallers(recorder(12), JOB, now), { message: "entity 12 fails" });
});

test("more callers than entities leave some without any, who call nobody", async (t) => {
  t.deepEqual(
    [0, 1, 2].map((caller) => shareOf(caller, 3, [5, 9])),
    [[5], [9], []],
  );
  const client = recorder();
  const until = { kind: "time", warmUpMs: 0, measureMs: 100 } as const;
  await runCallers(client, { ...JOB, entities: [5, 9], until }, now);
  t.deepEqual(new Set(client.calls.keys()), new Set([5, 9]));
});

test("an HTTP/1.1 answer is whole when its body is, and only a 200 is good", (t) => {
  const read = (text: string): string => readAnswer(Buffer.from(text));
  const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
  t.is(read(good), "ok");
  for (let end = 0; end < good.length; end++) t.is(read(good.slice(0, end)), "incomplete");
  t.regex(read("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope"), /404.*nope/s);
  t.regex(read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), /no content-length/);
});

/** A real HTTP/2 server that reads the whole request before it answers; gives its port. */
async function serve(
  t: ExecutionContext,
  answer: (stream: ServerHttp2Stream, body: Buffer, headers: IncomingHttpHeaders) => void,
): Promise<number> {
  const server = createServer();
  server.on("session", (session) => t.teardown(() => session.destroy()));
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, Buffer.concat(chunks), headers));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

function answerWell(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(Buffer.alloc(5));
}

test("the lean client asks for the same as grpc-js", async (t) => {
  const seen: unknown[] = [];
  const port = await serve(t, (stream, body, { ":method": method, ":path": path, te }) => {
    seen.push({ method, path, te, body: body.toString("latin1") });
    answerWell(stream);
  });
  await probe(port, "addItem");
  const client = await connectH2(port, "addItem", 1);
  await client.call(0, 1_000_000_000);
  client.close();
  t.is(seen.length, 2);
  t.deepEqual(seen[0], seen[1]);
});

test("many calls at once are each answered, large answers too", async (t) => {
  const port = await serve(t, (stream, body) => {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.alloc(50_000, body));
  });
  const client = await connectH2(port, "getCart", 64);
  for (let round = 0; round < 3; round++) {
    await t.notThrowsAsync(
      Promise.all(Array.from({ length: 64 }, (_, caller) => client.call(caller, caller))),
    );
  }
  client.close();
});

test("an answer without a message, a reset stream and a lost connection are failures", async (t) => {
  const empty = await connectH2(
    await serve(t, (stream) => stream.respond({ ":status": 200, "grpc-status": "13" }, { endStream: true })),
    "getCart",
    1,
  );
  await t.throwsAsync(empty.call(0, 1), { message: /no message/ });
  const reset = await connectH2(await serve(t, (stream) => stream.close(8)), "getCart", 1);
  await t.throwsAsync(reset.call(0, 1), { message: /code 8/ });
  const lost = await connectH2(await serve(t, (stream) => stream.session?.destroy()), "getCart", 1);
  await t.throwsAsync(lost.call(0, 1));
  await t.throwsAsync(lost.call(0, 1), undefined, "and so is every call after it");
  for (const client of [empty, reset, lost]) client.close();
});

test("the probe says what is wrong with an answer", async (t) => {
  const failing = await serve(t, (stream) => {
    stream.respond(
      { ":status": 200, "grpc-status": "5", "grpc-message": "no such cart" },
      { endStream: true },
    );
  });
  await t.throwsAsync(probe(failing, "getCart"), { message: "5 NOT_FOUND: no such cart" });
  const lost = await serve(t, (stream) => {
    stream.respond({ ":status": 404 });
    stream.end("nothing here");
  });
  await t.throwsAsync(probe(lost, "getCart"), { message: /404/ });
});
