// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { Account } from "../../base/mod.ts";
import type { CallContext } from "../../call/mod.ts";
import { callerlessCall } from "../../call/mod.ts";
import type { ForwardedRequest } from "../../cluster/forward/mod.ts";
import { DEFAULT_FORWARD_OPTIONS, ForwardCaller, ForwardOwner } from "../../cluster/forward/mod.ts";
import { isUndelivered } from "../../cluster/mod.ts";
import { CALLERS_LINEAGE, NO_EFFECTS } from "../../entity/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { counterRequest } from "../../../test/lib/counter.ts";
import { memoryTracer } from "../../../test/lib/memory-tracer.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { PATIENT_NATS } from "../../../test/lib/nats/patient-options.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { openTestLink } from "../../../test/lib/nats/test-link.ts";
import { plenty } from "../../../test/lib/plenty.ts";
import { textOf } from "../../../test/lib/talks.ts";
import { until } from "../../../test/lib/until.ts";
import type { Peers, Settlement, WireCommand } from "../peers.ts";
import { routerError } from "../router-error.ts";
import { effect, forward, startRouter } from "../testdata/world.ts";
import { peerCommands, wirePeers } from "./mod.ts";

const OWNER = "shop-1.k3";
const PREFIX = "perdure-forward-shop";

const COMMAND: WireCommand = {
  service: "perdure.test.Counter",
  method: "Add",
  payload: bytesOf("payload"),
  lineage: { origin: "abc", depth: 2, budget: 17 },
  hops: 2,
};
const REPLY: Settlement = {
  kind: "reply",
  typeUrl: "type.googleapis.com/perdure.test.Counter",
  payload: bytesOf("reply"),
  metadata: [{ key: "x", value: Uint8Array.of(0, 255) }],
  effects: NO_EFFECTS,
};

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The same with bytes of one class: those from the network may be a `Buffer`. */
function plain<T>(value: T): T {
  if (value instanceof Uint8Array) return new Uint8Array(value) as T;
  if (Array.isArray(value)) return value.map(plain) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)])) as T;
}

/** An entry whose peers are asked over a real NATS, and an owner whose router is `fromPeer`. */
async function world(
  t: ExecutionContext,
  fromPeer: (command: WireCommand, call: CallContext) => Promise<Settlement>,
): Promise<{ peers: Peers; publish: (bytes: Uint8Array) => Promise<Uint8Array>; memory: Account }> {
  const server = await startNatsServer({ jetstream: false });
  t.teardown(() => server.stop());
  const link = () => openTestLink(t, server.port);
  const memory = plenty();
  const telemetry = { ...NO_TELEMETRY, tracer: memoryTracer() };
  const shared = { prefix: PREFIX, clock: PATIENT_NATS.clock, telemetry, options: DEFAULT_FORWARD_OPTIONS };
  const handle = peerCommands({ fromPeer }, telemetry);
  await ForwardOwner.open({ ...shared, link: await link(), memory, self: OWNER, handle });
  const onNoResponder = (): void => undefined;
  const caller = new ForwardCaller({ ...shared, link: await link(), memory, onNoResponder });
  const publish = (bytes: Uint8Array) =>
    caller.call(OWNER, { bytes, deadlineMs: undefined, onCancel: () => undefined });
  return { peers: wirePeers(caller), publish, memory };
}

natsTest(
  "all that travels with a command arrives at the owner's router, and its settlement at the entry",
  async (t) => {
    const seen: [WireCommand, CallContext][] = [];
    const { peers } = await world(t, async (command, call) => {
      seen.push([command, call]);
      return REPLY;
    });
    const clock = PATIENT_NATS.clock;
    const account = new Account(1e6);
    const call: CallContext = {
      metadata: [
        { key: "x-text", value: "ä" },
        { key: "x-bin", value: Uint8Array.of(1, 0, 255) },
        { key: "x-text", value: "" },
      ],
      idempotencyKey: "ce\u0001source\u0001id",
      deadlineMs: clock.monotonicMs() + 60_000,
      onCancel: () => undefined,
      bytes: account.charge(),
      trace: {
        traceId: "a".repeat(32),
        spanId: "b".repeat(16),
        isSampled: true,
        hasRandomId: false,
        state: "c=d",
      },
      hops: 1,
    };
    t.deepEqual(plain(await peers.call(OWNER, COMMAND, call)), REPLY);
    t.is(account.used, 5, "the reply counts in the caller's memory");
    const [[command, there] = []] = seen;
    t.deepEqual(plain(command), COMMAND);
    t.deepEqual(plain(there?.metadata), call.metadata);
    t.is(there?.idempotencyKey, call.idempotencyKey);
    t.deepEqual(there?.trace, call.trace);
    t.true(Math.abs((there?.deadlineMs ?? 0) - (call.deadlineMs ?? 0)) < 30_000);
    t.is(there?.bytes.held, 0, "it is settled");
  },
);

natsTest(
  "a command without a key, a deadline and a trace has none there; and there may be no reply",
  async (t) => {
    const seen: CallContext[] = [];
    const { peers } = await world(t, async (_command, call) => {
      seen.push(call);
      return { kind: "nothing", effects: NO_EFFECTS };
    });
    const nothing = await peers.call(
      OWNER,
      { ...COMMAND, lineage: CALLERS_LINEAGE },
      callerlessCall(plenty().charge()),
    );
    t.deepEqual(nothing, { kind: "nothing", effects: NO_EFFECTS });
    t.like(seen[0], { metadata: [], idempotencyKey: undefined, deadlineMs: undefined, trace: undefined });
  },
);

natsTest("the owner's error is the entry's error, and counts as delivered whatever its code", async (t) => {
  const { peers, memory } = await world(t, async ({ method }) => {
    if (method === "bug") throw new TypeError("a bug");
    throw routerError(Status.UNAVAILABLE, "TOO_MANY_HOPS", "three times");
  });
  const call = callerlessCall(plenty().charge());
  const error = await t.throwsAsync(peers.call(OWNER, COMMAND, call), {
    code: "TOO_MANY_HOPS",
    message: "three times",
  });
  t.false(isUndelivered(error));
  await t.throwsAsync(peers.call(OWNER, { ...COMMAND, method: "bug" }, call), { code: "INTERNAL" });
  await until("nothing is left", () => memory.used === 0);
});

natsTest("the owner's router settles what the command asks for, and the entry gets the reply", async (t) => {
  const { router, seen } = startRouter({
    entity: () => forward("Talks.Say", "forwarded", [effect("Talks.Say", "effect", true)]),
  });
  const { peers } = await world(t, (command, call) => router.fromPeer(command, call));
  const payload = counterRequest("ann");
  const reply = await peers.call(OWNER, { ...COMMAND, payload }, callerlessCall(plenty().charge()));
  t.is(reply.kind === "reply" ? textOf(reply.payload) : "", "forwarded");
  t.deepEqual(seen, ["Add ann", "Say effect", "Say forwarded"]);
  await t.throwsAsync(peers.call(OWNER, { ...COMMAND, method: "Sub" }, callerlessCall(plenty().charge())), {
    code: "USER_FUNCTION_UNAVAILABLE",
    message: /runs another version/,
  });
});

natsTest("a command that reached nobody may be sent again", async (t) => {
  const { peers } = await world(t, async () => REPLY);
  const error = await t.throwsAsync(peers.call("shop-2.x", COMMAND, callerlessCall(plenty().charge())));
  t.true(isUndelivered(error));
});

natsTest("the entry's caller goes away, and the owner's command is told", async (t) => {
  const cancelled = Promise.withResolvers<string>();
  let isThere = false;
  const { peers } = await world(t, (_command, { onCancel }) => {
    isThere = true;
    onCancel(() => cancelled.resolve("cancelled"));
    return new Promise(() => undefined);
  });
  let leave = (): void => undefined;
  const call = {
    ...callerlessCall(plenty().charge()),
    onCancel: (listener: () => void) => (leave = listener),
  };
  const asked = peers.call(OWNER, COMMAND, call);
  await until("it is there", () => isThere);
  leave();
  await t.throwsAsync(asked, { code: "CANCELLED" });
  t.is(await cancelled.promise, "cancelled");
});

natsTest("I12: bytes that are no command are answered, and the owner goes on", async (t) => {
  const { peers, publish } = await world(t, async () => REPLY);
  for (const text of ["", "garbage", "\n\u0001a"]) t.true((await publish(Buffer.from(text))).length > 0);
  const bad: Peers = wirePeers({ call: () => publish(Buffer.from("garbage")) });
  const call = callerlessCall(plenty().charge());
  await t.throwsAsync(bad.call(OWNER, COMMAND, call), {
    code: "BAD_PEER_REQUEST",
    message: /nothing was done/,
  });
  t.is((await peers.call(OWNER, COMMAND, call)).kind, "reply");
});

natsTest("the owner's charge holds the command until it is settled", async (t) => {
  const requests: ForwardedRequest["charge"][] = [];
  const { peers, memory } = await world(t, async (_command, { bytes }) => {
    requests.push(bytes);
    t.true(bytes.held > 100_000);
    return REPLY;
  });
  const command = { ...COMMAND, payload: new Uint8Array(100_000) };
  await peers.call(OWNER, command, callerlessCall(plenty().charge()));
  t.is(requests.length, 1);
  await until("nothing is left", () => memory.used === 0);
});
