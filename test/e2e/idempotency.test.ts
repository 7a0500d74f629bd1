// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import test from "ava";

import { freePort, randomBelow, systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import type { Commit } from "../../pkg/protocol/mod.ts";
import { CommitSchema } from "../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, counterAmount, counterFunction } from "../lib/counter-function.ts";
import { grpcCaller, statusOf } from "../lib/grpc-caller.ts";
import type { HttpAnswer } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { durableLogKinds } from "../lib/log-kinds.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { TestScope } from "../lib/processes.ts";
import { startProxyProcess, startSample } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const ADD_PATH = "/perdure.test.Counter/Add";

/** A proxy that can be killed and restarted on the same port, and callers that use whichever proxy runs. */
async function startWorld(scope: TestScope, log: string, userFunctionPort: number) {
  const port = await freePort("127.0.0.1", systemRandom);
  const env = {
    HTTP_PORT: port,
    USER_FUNCTION_PORT: userFunctionPort,
    PERDURE_LOG: log,
    PERDURE_PACK_RECORDS: 1,
  };
  const start = async () => {
    const proxy = await startProxyProcess(scope, env);
    await proxy.ready();
    return proxy;
  };
  let proxy = await start();
  const [http, grpc] = [httpClient(port), grpcCaller(port)];
  scope.teardown(() => {
    http.close();
    grpc.close();
  });
  const json = (path: string, key: string, body?: unknown): Promise<HttpAnswer> =>
    http.call(path, { body, headers: { "Idempotency-Key": key } });
  return {
    http,
    json,
    /** Adds over HTTP; the total after it. */
    add: async (key: string, amount: number, id = "a"): Promise<number> => {
      const answer = await json(ADD_PATH, key, { id, amount });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
      return (JSON.parse(answer.body) as { amount: number }).amount;
    },
    /** The same over gRPC. */
    addGrpc: async (key: string, amount: number, id = "a"): Promise<number> =>
      counterAmount(await grpc.call(ADD, { id, amount }, undefined, { "idempotency-key": key })),
    crash: () => proxy.kill("SIGKILL"),
    restart: async (signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> => {
      await proxy.kill(signal);
      proxy = await start();
    },
    stop: () => proxy.kill("SIGTERM"),
  };
}

async function records(address: string, type: string, id: string): Promise<Commit[]> {
  const log = await openEventLog(address, {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    jetstream: RELAXED_LOG,
  });
  try {
    const page = await log.read({ type, id });
    return page.records.map(({ bytes }) => fromBinary(CommitSchema, bytes));
  } finally {
    await log.close();
  }
}

for (const kind of durableLogKinds) {
  kind.test(
    `I7: ${kind.name}: five times the same command, over HTTP and gRPC, through SIGKILLs: one event, five equal replies`,
    async (t) => {
      const { address } = await kind.open(t);
      const carriedOut: number[] = [];
      let held: CounterCommand | undefined;
      const onMessage = counterFunction((command) => {
        if (command.amount === 9 && held === undefined) {
          held = command;
          return true;
        }
        carriedOut.push(command.amount);
        return false;
      });
      const userFunction = await startScriptedUserFunction({ spec: counterSpec(), onMessage });
      t.teardown(() => userFunction.kill());
      const { add, addGrpc, json, crash, restart, stop } = await startWorld(t, address, userFunction.port);

      const replies = [await add("k", 2)];
      t.is(await add("other", 3), 5);
      replies.push(await addGrpc("k", 2));
      await restart();
      replies.push(await add("k", 2));
      // The proxy is killed once more, while a repeat of the key waits for an open command.
      const open = [addGrpc("third", 9), addGrpc("k", 2)];
      await until("a command is with the user function", () => held !== undefined);
      await crash();
      for (const call of open) await t.throwsAsync(call);
      await restart();
      replies.push(await addGrpc("k", 2));
      // Its history is packed at an orderly end.
      await restart("SIGTERM");
      replies.push(await add("k", 2));
      t.deepEqual(replies, [2, 2, 2, 2, 2]);
      t.deepEqual(carriedOut, [2, 3]);
      t.is(await add("third", 9), 14);
      t.is(await addGrpc("third", 9), 14);

      const reused = await json(ADD_PATH, "k", { id: "a", amount: 4 });
      t.like(reused, { status: 409, errorCode: "IDEMPOTENCY_KEY_REUSED" });
      t.like(await statusOf(addGrpc("k", 4)), { code: status.ALREADY_EXISTS });
      await stop();
      const stored = await records(address, "counter", "a");
      t.deepEqual(
        stored.map(({ commandKey, events }) => [commandKey, events.length]),
        [
          ["k", 1],
          ["other", 1],
          ["third", 1],
        ],
      );
    },
  );

  kind.test(
    `I7: ${kind.name}: a value entity, and commands that change nothing, keep their replies too`,
    async (t) => {
      const { address } = await kind.open(t);
      const userFunction = await startSample(t, "value-cart");
      const { http, json, restart } = await startWorld(t, address, userFunction.port);
      const pen = { productId: "p1", name: "Pen", quantity: 2 };
      const cart = async (): Promise<string> => (await http.call("/ve/carts/ann/items")).body;
      const empty = await json("/ve/carts/ann/items", "before");
      t.is(empty.body, "[]");
      for (let i = 0; i < 5; i++) {
        t.like(await json("/ve/cart/ann/items/add", "k", pen), { status: 200, body: "{}" });
        t.is((await json("/ve/carts/ann/items", "before")).body, "[]");
        t.is(await cart(), JSON.stringify([pen]));
        if (i === 1 || i === 3) await restart();
      }
      t.like(await http.call("/ve/cart/ann/items/add", { body: pen }), { status: 200 });
      await restart();
      t.like(await json("/ve/cart/ann/items/add", "k", pen), { status: 200, body: "{}" });
      t.is(await cart(), JSON.stringify([{ ...pen, quantity: 4 }]));
    },
  );
}

test.serial(
  "I7: callers that try again until they are answered, through SIGKILLs at any time, change each thing once",
  async (t) => {
    const seed = Date.now() % 1_000_000;
    t.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const sqlite = durableLogKinds.find(({ name }) => name === "sqlite")!;
    const { address } = await sqlite.open(t);
    const userFunction = await startScriptedUserFunction({
      spec: counterSpec(),
      onMessage: counterFunction(),
    });
    t.teardown(() => userFunction.kill());
    const { add, restart, stop } = await startWorld(t, address, userFunction.port);

    const [CALLERS, COMMANDS, KILLS] = [4, 30, 4];
    let up: Promise<void> = Promise.resolve();
    let answered = 0;
    const kills = Array.from({ length: KILLS }, (_, i) => i * 140 + randomBelow(random, 140));
    const endMs = performance.now() + 60_000;
    const insist = async (key: string, id: string): Promise<number> => {
      for (;;) {
        await up;
        if (performance.now() > endMs) throw new Error(`no answer to ${key}`);
        const total = await add(key, 1, id).catch(() => undefined);
        if (total === undefined) continue;
        if (++answered === kills[0]) {
          kills.shift();
          up = restart();
        }
        return total;
      }
    };
    const caller = async (name: number): Promise<void> => {
      const id = `counter-${name % 2}`;
      for (let command = 0; command < COMMANDS; command++) {
        const replies: number[] = [];
        for (let i = 0; i < 5; i++) replies.push(await insist(`${name}/${command}`, id));
        t.is(new Set(replies).size, 1, `${name}/${command} got ${replies.join()}`);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, name) => caller(name)));
    await up;
    t.deepEqual(kills, []);
    await stop();
    for (const id of ["counter-0", "counter-1"]) {
      const stored = await records(address, "counter", id);
      t.is(stored.length, (CALLERS / 2) * COMMANDS);
      t.is(new Set(stored.map(({ commandKey }) => commandKey)).size, stored.length);
    }
  },
);
