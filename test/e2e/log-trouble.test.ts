// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { status } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";

import { systemClock } from "../../pkg/base/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { makeReadOnly, natsOnFullDisk, natsWithoutPrivileges } from "../lib/bad-disk.ts";
import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, counterAmount, counterFunction, counterReply, GET } from "../lib/counter-function.ts";
import { fill, idsApart } from "../lib/full-log.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import { startWorld } from "../lib/local-proxy.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { reconfigure } from "../lib/nats/reconfigure.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { NatsServer, NatsServerOptions } from "../lib/nats/server.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { managerOf } from "../lib/stream-manager.ts";
import { until } from "../lib/until.ts";

natsTest(
  "a full stream is told to those who need it, and only to them, until it has room again",
  async (t) => {
    const { ann, bob, fillStream, add, get, refusal, works, server } = await world(t, {
      env: { PERDURE_LOG_MAX_BYTES: "50000" },
    });
    t.is(await add(ann, 1), 1);
    await fillStream(ann);
    // The small records use up the space that the last record of 8 KB left free.
    const full = await refusal(ann);
    t.is(full.code, status.RESOURCE_EXHAUSTED);
    t.regex(full.text, /the stream is full: raise its max_bytes/);
    const total = await get(ann);
    await works(bob);
    const manager = await managerOf(t, `127.0.0.1:${server.port}`);
    for (const name of ["shop_ev_0", "shop_ev_1"])
      await manager.streams.update(name, { max_bytes: 10_000_000 });
    t.is(await add(ann, 1), total + 1);
  },
);

natsTest(
  "a stream whose disk is full leaves the outcome unknown; after a restart with room all is well",
  async (t) => {
    const disk = await natsOnFullDisk(t);
    const { ann, bob, fillStream, add, get, refusal, works, server } = await world(t, {
      nats: { binary: disk.binary },
    });
    t.is(await add(ann, 1), 1);
    await fillStream(ann);
    const unknown = await refusal(ann);
    t.is(unknown.code, status.UNKNOWN);
    t.regex(
      unknown.text,
      /a stream whose disk is full or broken takes appends in silence: see the server's log/,
    );
    await works(bob);
    disk.makeRoom();
    await server.kill();
    await server.restart();
    const total = await comesBack(() => get(ann));
    t.is(total, 1);
    t.is(await comesBack(() => add(ann, 1)), 2);
    await works(bob);
  },
);

/** What callers are told while JetStream is off. A proxy that shares its entities cannot know whose they are then. */
const AWAY = {
  off: /JetStream is off, the stream is gone, or it has no leader now; the server's log tells/,
  on: /^no proxy took shard \d+, .* within --shard-wait-timeout: is the log well\? try again later$/,
};

for (const [cluster, text] of Object.entries(AWAY)) {
  natsTest(
    `with --cluster ${cluster}, a server that may not write any more is unavailable until it may, and is restarted`,
    async (t) => {
      const binary = await natsWithoutPrivileges(t);
      if (binary === undefined) {
        t.pass("root without setpriv may write everywhere");
        return;
      }
      const { ann, bob, fillStream, add, get, refusal, readyz, server } = await world(t, {
        nats: { binary },
        env: {
          PERDURE_LOG_MAX_BYTES: "120000",
          PERDURE_CLUSTER: cluster,
          PERDURE_SHARD_WAIT_TIMEOUT_MS: "1000",
        },
      });
      t.is(await add(ann, 1), 1);
      const { giveBack } = makeReadOnly(t, join(server.folder, "jetstream"));
      await fillStream(ann);
      const away = await refusal(bob);
      t.is(away.code, status.UNAVAILABLE);
      t.regex(away.text, text);
      await until("it is unready", async () => (await readyz()).status === 503);
      giveBack();
      await server.kill();
      await server.restart();
      t.is(await comesBack(() => get(ann)), 1);
      const before = await comesBack(() => get(bob));
      t.is(await comesBack(() => add(bob, 1)), before + 1);
      await until("it is ready", async () => (await readyz()).status === 200);
    },
  );
}

natsTest(
  "a permission that is taken away hits only the entities that it covers, until it is given back",
  async (t) => {
    const more = `authorization { timeout: 30, users: [
    { user: u, password: p, permissions: { publish: { deny: "shop.ev.*.counter.${UNWRITABLE}" } } } ] }`;
    const { bob, add, refusal, works, server } = await world(t, {
      nats: { more },
      env: { NATS_USER: "u", NATS_PASSWORD: "p" },
    });
    const denied = await refusal(UNWRITABLE);
    t.is(denied.code, status.UNAVAILABLE);
    t.regex(
      denied.text,
      /does not permit it: allow this user to publish to "shop\.ev\.\d+\.counter\.unwritable"/,
    );
    await works(bob);
    await reconfigure(server, `counter.${UNWRITABLE}`, "counter.another");
    t.is(await comesBack(() => add(UNWRITABLE, 1)), 1);
  },
);

natsTest(
  "events of one command above max_payload are refused at once; the entity goes on without them",
  async (t) => {
    const { ann, add, get, grpc } = await world(t, { nats: { maxPayloadBytes: 8_000 } });
    t.is(await add(ann, 1), 1);
    const large = await statusOf(grpc.call(ADD, { id: ann, amount: MANY_EVENTS }));
    t.is(large.code, status.RESOURCE_EXHAUSTED);
    t.regex(large.text, /\d+ bytes are more than the server takes: its max_payload is 8000/);
    t.is(await get(ann), 1);
    t.is(await add(ann, 1), 2);
  },
);

const UNWRITABLE = "unwritable";

/** A command with this amount has far more events than 8 KB hold. */
const MANY_EVENTS = 99;

function misbehave({ amount, stream, commandId }: CounterCommand): boolean {
  if (amount !== MANY_EVENTS) return false;
  stream.send(
    counterReply(
      commandId,
      0,
      Array.from({ length: 500 }, () => 1),
    ),
  );
  return true;
}

interface Circumstances {
  readonly nats?: NatsServerOptions;
  readonly env?: Readonly<Record<string, string>>;
}

/** A proxy in front of counters, whose log is in two streams of a NATS server; `ann` and `bob` are in one each. */
async function world(t: ExecutionContext, { nats = {}, env = {} }: Circumstances) {
  const server: NatsServer = await startNatsServer(nats);
  t.teardown(() => server.stop());
  const settings = {
    PERDURE_LOG: `${server.url}/shop`,
    PERDURE_LOG_STREAMS: "2",
    PERDURE_NATS_REQUEST_TIMEOUT_MS: "1000",
    PERDURE_NATS_RECONNECT_DELAY_MS: "20",
    PERDURE_APPEND_DEADLINE_MS: "500",
    PERDURE_READ_DEADLINE_MS: "500",
    ...env,
  };
  const script = { spec: counterSpec(), onMessage: counterFunction(misbehave) };
  const { grpc, readyz } = await startWorld(t, script, settings);
  const add = async (id: string, amount: number) => counterAmount(await grpc.call(ADD, { id, amount }));
  const get = async (id: string) => counterAmount(await grpc.call(GET, { id }));
  const jetstream = { ...RELAXED_LOG, requestTimeoutMs: 1_000, appendDeadlineMs: 500 };
  const user = env["NATS_USER"];
  const credentials = { kind: "password", user: user ?? "", password: env["NATS_PASSWORD"] ?? "" } as const;
  const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY };
  const log = await openEventLog(settings.PERDURE_LOG, {
    ...dependencies,
    jetstream: user === undefined ? jetstream : { ...jetstream, credentials },
  });
  t.teardown(() => log.close());
  const [ann, bob] = idsApart(log, "counter");
  return {
    server,
    grpc,
    readyz,
    ann,
    bob,
    add,
    get,
    /** Fills the stream of this counter with records of another entity. */
    fillStream: async (id: string): Promise<void> => {
      const partition = log.partitionOf({ type: "counter", id });
      const fillers = Array.from({ length: 50 }, (_, i) => ({ type: "filler", id: `${i}` }));
      const filler = fillers.find((each) => log.partitionOf(each) === partition);
      if (filler !== undefined) await fill(log, filler);
    },
    /** Adds to a counter until an addition is refused. Returns the refusal. */
    refusal: async (id: string) => {
      for (let i = 0; i < 100; i++) {
        try {
          await add(id, 1);
        } catch (error) {
          return statusOf(Promise.reject(error));
        }
      }
      throw new Error("it takes everything");
    },
    /** Checks that an entity of the other stream notices nothing. */
    works: async (id: string): Promise<void> => {
      const before = await get(id);
      t.is(await add(id, 1), before + 1);
      t.is((await readyz()).status, 200);
    },
  };
}

/** Retries until `work` succeeds. */
async function comesBack<T>(work: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  await until("it works again", async () => {
    try {
      result = await work();
      return true;
    } catch {
      return false;
    }
  });
  return result as T;
}
