// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { shardOf, sleep, toError } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import type { CallContext } from "../call/mod.ts";
import { callerlessCall } from "../call/mod.ts";
import type { Owner, Placement } from "../cluster/mod.ts";
import { ALONE } from "../cluster/mod.ts";
import type { EntityCommand, Outcome } from "../entity/mod.ts";
import { ACTION, ENTITY_KINDS, NO_EFFECTS } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";
import { validateSpec } from "../userfunction/mod.ts";

import { counterRequest } from "../../test/lib/counter.ts";
import { plenty } from "../../test/lib/plenty.ts";
import { lineAny, talksSpec } from "../../test/lib/talks.ts";
import { actionServices } from "./action-services.ts";
import { EntityServices } from "./entity-services.ts";
import type { Peers } from "./peers.ts";
import { NO_PEERS } from "./peers.ts";
import { Router } from "./router.ts";
import { ServiceRuntimes } from "./service-runtimes.ts";

const validation = validateSpec(talksSpec(), [...ENTITY_KINDS, ACTION]);
if (!validation.ok) throw new Error(validation.errors.join());
const { spec } = validation;
const ADD = spec.services.get("perdure.test.Counter")!.methods.get("Add")!;
const TYPE = ADD.service.persistenceId!;

const OPTIONS = {
  maxRequestFields: 1_000,
  maxEntityIdLength: 100,
  strictEntityKeys: false,
  shardWaitTimeoutMs: 1_000,
  maxForwardDepth: 4,
  maxDescendants: 100,
  maxOpenEffects: 2,
  maxEffectTries: 3,
};

/** The owner of every third shard is the peer; this proxy owns the others. */
const THIRDS: Placement = {
  ownerOf: (shard) => (shard % 3 === 0 ? { kind: "peer", peer: "peer" } : { kind: "here" }),
};

interface Proxy {
  readonly router: Router;
  readonly clock: ManualClock;
  /** Ids of the entities to which it gave commands. */
  readonly own: string[];
  readonly actions: string[];
}

/** A proxy whose entities answer with their name, and ask for what `ask` gives. */
function proxy(
  name: string,
  placement: Placement,
  peers: Peers,
  ask: (command: EntityCommand) => Partial<Outcome> = () => ({}),
): Proxy {
  const own: string[] = [];
  const asked: string[] = [];
  const clock = new ManualClock();
  const reply = (text: string): Outcome => {
    const { typeUrl } = lineAny("");
    return { kind: "reply", typeUrl, payload: Buffer.from(text), metadata: NO_METADATA, effects: NO_EFFECTS };
  };
  const entities = {
    dispatch: async (command: EntityCommand) => {
      own.push(command.entityId);
      return { ...reply(`${name} has ${command.entityId}`), ...ask(command) } as Outcome;
    },
    serve: () => undefined,
  };
  const runtimes = new ServiceRuntimes(
    new EntityServices({ entities, placement, peers, clock, options: OPTIONS }),
    actionServices({
      unary: async ({ method }) => {
        asked.push(method.desc.name);
        return reply(`${name} did ${method.desc.name}`);
      },
      streamed: () => {
        throw new Error("not asked for");
      },
    }),
  );
  const router = new Router({
    runtimes,
    served: () => spec,
    clock,
    random: () => 0.5,
    telemetry: NO_TELEMETRY,
    reportError: () => undefined,
    effectMemory: plenty(),
    options: OPTIONS,
  });
  return { router, clock, own, actions: asked };
}

/** Two proxies in one process, of which the first sends commands to the second. */
function pair(ask?: Parameters<typeof proxy>[3]): readonly [entry: Proxy, owner: Proxy] {
  const owner = proxy("owner", ALONE, { call: () => Promise.reject(new Error("it owns everything")) }, ask);
  const entry = proxy(
    "entry",
    THIRDS,
    { call: (_peer, wire, call) => owner.router.fromPeer(wire, call) },
    ask,
  );
  return [entry, owner];
}

function send({ router }: Proxy, id: string, changes: Partial<CallContext> = {}): Promise<string> {
  const call = { ...callerlessCall(plenty().charge()), ...changes };
  return router
    .unary({ method: ADD, payload: counterRequest(id), call })
    .then(({ payload }) => Buffer.from(payload).toString());
}

function idIn(isPeers: boolean): string {
  for (let i = 0; ; i++) if ((shardOf(TYPE, `e${i}`) % 3 === 0) === isPeers) return `e${i}`;
}

test("each entity is served by the proxy that owns its shard, wherever the command arrives", async (t) => {
  const [entry, owner] = pair();
  for (let i = 0; i < 100; i++) {
    const id = `e${i}`;
    const name = shardOf(TYPE, id) % 3 === 0 ? "owner" : "entry";
    t.is(await send(entry, id), `${name} has ${id}`);
  }
  t.is(entry.own.length + owner.own.length, 100);
  t.true(owner.own.length > 20 && owner.own.length < 50, `${owner.own.length} of 100`);
});

test("the owner settles: forwards and side effects are carried out there, and the entry gets a plain reply", async (t) => {
  const said = { serviceName: "perdure.test.Talks", commandName: "Say", ...lineCall() };
  const effect = {
    ...said,
    synchronous: true,
    idempotencyKey: undefined,
    lineage: undefined,
    trace: undefined,
    onEnd: undefined,
  };
  const [entry, owner] = pair(() => ({ kind: "forward", call: said, effects: [effect] }));
  t.is(await send(entry, idIn(true)), "owner did Say");
  t.deepEqual(owner.actions, ["Say", "Say"]);
  t.deepEqual(entry.actions, []);
});

test("a command that meets a moving shard waits for the new owner (I9)", async (t) => {
  let owner: Owner = { kind: "here" };
  const moved = Promise.withResolvers<void>();
  owner = { kind: "moving", until: moved.promise };
  const one = proxy("one", { ownerOf: () => owner }, { call: () => Promise.reject(new Error("no peer")) });
  const sent = send(one, "a");
  await settle(t);
  t.deepEqual(one.own, []);
  owner = { kind: "here" };
  moved.resolve();
  t.is(await sent, "one has a");
});

test("a command does not wait longer than its caller", async (t) => {
  const never: Owner = { kind: "moving", until: new Promise(() => undefined) };
  const one = proxy("one", { ownerOf: () => never }, { call: () => Promise.reject(new Error("no peer")) });
  const late = send(one, "a", { deadlineMs: one.clock.monotonicMs() + 50 });
  await settle(t);
  one.clock.advance(50);
  await t.throwsAsync(late, { code: "SHARD_MOVING", message: /^shard \d+, .* still moves/ });
  let leave = (): void => undefined;
  const left = send(one, "a", { onCancel: (listener) => (leave = listener) });
  await settle(t);
  leave();
  await t.throwsAsync(left, { code: "SHARD_MOVING", message: "the caller went away" });
  t.deepEqual(one.own, []);
});

test("a command does not wait for ever for an owner, however often it is woken (I11)", async (t) => {
  const owner = (): Owner => ({ kind: "moving", until: sleep(one.clock, 300) });
  const one = proxy("one", { ownerOf: owner }, { call: () => Promise.reject(new Error("no peer")) });
  const sent = send(one, "a");
  for (let passedMs = 0; passedMs < OPTIONS.shardWaitTimeoutMs; passedMs += 100) {
    await settle(t);
    one.clock.advance(100);
  }
  await t.throwsAsync(sent, {
    code: "SHARD_MOVING",
    message: /^no proxy took shard \d+, .* try again later$/,
  });
  t.deepEqual(one.own, []);
});

test("proxies that do not agree who owns a shard do not send a command round for ever", async (t) => {
  const away: Placement = { ownerOf: () => ({ kind: "peer", peer: "other" }) };
  let hops = 0;
  const one: Proxy = proxy("one", away, {
    call: (_peer, wire, call) => {
      hops++;
      return one.router.fromPeer(wire, call);
    },
  });
  const sendRound = async (
    call: Partial<CallContext>,
  ): Promise<{ readonly error: unknown; readonly afterMs: number }> => {
    const begunMs = one.clock.monotonicMs();
    const failed: unknown[] = [];
    void send(one, "a", call).catch((error: unknown) => failed.push(error));
    for (await settle(t); failed.length === 0; await settle(t)) one.clock.advance(10);
    return { error: failed[0], afterMs: one.clock.monotonicMs() - begunMs };
  };
  const { error, afterMs } = await sendRound({});
  t.like(error, { code: "TOO_MANY_HOPS" });
  t.regex(toError(error).message, /16 times .*; nothing was done, try again$/);
  t.is(hops, 16);
  t.is(
    afterMs,
    20 + 40 + 80 + 160 + 320 + 9 * 640,
    "it waits for news before the later ones, and before it fails",
  );
  // One of the proxies may have begun it, and lost its shard before the answer could leave.
  const again = await sendRound({ idempotencyKey: "k" });
  t.regex(toError(again.error).message, /16 times .*; try again with the same idempotency key$/);
});

test("a command that comes back is carried out when the news of its new owner come", async (t) => {
  let owner: Owner = { kind: "peer", peer: "other" };
  const one = proxy(
    "one",
    { ownerOf: () => owner },
    { call: () => Promise.reject(new Error("it is sent on")) },
  );
  const sent = send(one, "a", { hops: 3 });
  await settle(t);
  owner = { kind: "here" };
  one.clock.advance(20);
  await sent;
  t.deepEqual(one.own, ["a"]);
});

test("a placement that names a peer to a proxy without peers is told so", async (t) => {
  const away: Placement = { ownerOf: () => ({ kind: "peer", peer: "other" }) };
  const error = { instanceOf: StatusError, code: "INTERNAL", message: /is alone, .* no peer other/ };
  await t.throwsAsync(send(proxy("one", away, NO_PEERS), "a"), error);
});

test("an owner that does not serve the method says so", async (t) => {
  const [, owner] = pair();
  const wire = {
    service: "a.B",
    method: "C",
    payload: new Uint8Array(),
    lineage: { origin: "", depth: 0, budget: 1 },
    hops: 1,
  };
  await t.throwsAsync(owner.router.fromPeer(wire, callerlessCall(plenty().charge())), {
    code: "USER_FUNCTION_UNAVAILABLE",
    message: /serves no a\.B\.C/,
  });
});

function lineCall() {
  const { typeUrl, value } = lineAny("x");
  return { typeUrl, payload: value, metadata: NO_METADATA };
}

/** Lets the callbacks of settled promises run. */
async function settle(t: ExecutionContext): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  t.pass();
}
