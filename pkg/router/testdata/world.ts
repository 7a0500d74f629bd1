// SPDX-License-Identifier: Apache-2.0

import { ManualClock } from "../../base/test-doubles/mod.ts";
import type { CallContext, StreamEnd } from "../../call/mod.ts";
import { callerlessCall } from "../../call/mod.ts";
import type { ReplyGate } from "../../cluster/mod.ts";
import { ALONE } from "../../cluster/mod.ts";
import type { Command, EntityCommand, Outcome, SideEffect } from "../../entity/mod.ts";
import { ACTION, ENTITY_KINDS, NO_EFFECTS } from "../../entity/mod.ts";
import { messageTypeUrl, NO_METADATA } from "../../protocol/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";
import type { ServedMethod } from "../../userfunction/mod.ts";
import { isEntityMethod, validateSpec } from "../../userfunction/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "../../../test/lib/counter.ts";
import { plenty } from "../../../test/lib/plenty.ts";
import { line, lineAny, talksSpec, textOf } from "../../../test/lib/talks.ts";
import { actionServices } from "../action-services.ts";
import { EntityServices } from "../entity-services.ts";
import { NO_PEERS } from "../peers.ts";
import type { RouterOptions } from "../router.ts";
import { Router } from "../router.ts";
import { ServiceRuntimes } from "../service-runtimes.ts";

const validation = validateSpec(talksSpec(), [...ENTITY_KINDS, ACTION]);
if (!validation.ok) throw new Error(validation.errors.join());
const { spec } = validation;

/** The method with a name such as `Talks.Say`. */
export function methodOf(name: string): ServedMethod {
  const [service = "", method = ""] = name.split(".");
  const found = spec.services.get(`perdure.test.${service}`)?.methods.get(method);
  if (found === undefined) throw new Error(`no method ${name}`);
  return found;
}

/**
 * The test's stand-ins for the actions and entities behind the router. `text` is the text of a `Line`, or the
 * entity's id.
 */
export interface Behind {
  readonly unary?: (name: string, text: string, call: Command) => Outcome | Promise<Outcome>;
  readonly streamed?: (name: string, input: AsyncIterable<string>) => AsyncIterable<Outcome>;
  readonly entity?: (name: string, id: string, command: EntityCommand) => Outcome | Promise<Outcome>;
  /** True if no service is served. */
  readonly gone?: boolean;
  /** That of the entities' answers. By default the proxy is alone. */
  readonly gate?: ReplyGate;
}

export interface World {
  readonly router: Router;
  readonly clock: ManualClock;
  readonly reports: readonly string[];
  /** Each call that the router made to a stand-in, as `Say a`. */
  readonly seen: readonly string[];
  /** Sends a command with this text (of a `Line`, or an entity's id). Resolves with the text of its reply. */
  send(name: string, text?: string, changes?: Partial<CallContext>, payload?: Uint8Array): Promise<string>;
  /** Sends these texts as a stream. Yields the texts of its replies. */
  stream(name: string, texts?: readonly string[], onEnd?: (end: StreamEnd) => void): AsyncIterable<string>;
}

const OPTIONS = {
  maxRequestFields: 1_000,
  maxEntityIdLength: 8,
  strictEntityKeys: false,
  shardWaitTimeoutMs: 30_000,
  maxForwardDepth: 4,
  maxDescendants: 100,
  maxOpenEffects: 2,
  maxEffectTries: 3,
};

/**
 * Starts a router in front of the stand-ins. An action without a stand-in answers with its input, an entity without
 * one with an empty reply.
 */
export function startRouter(
  behind: Behind,
  options: Partial<RouterOptions> = {},
  telemetry: Telemetry = NO_TELEMETRY,
): World {
  const seen: string[] = [];
  const reports: string[] = [];
  const clock = new ManualClock();
  const allOptions = { ...OPTIONS, ...options };
  const entities = new EntityServices({
    entities: {
      async dispatch(command) {
        const { name } = command.method.desc;
        seen.push(`${name} ${command.entityId}`);
        return (await behind.entity?.(name, command.entityId, command)) ?? counted();
      },
      serve: () => undefined,
    },
    placement: ALONE,
    peers: NO_PEERS,
    gate: behind.gate,
    carryOut: (effects, of) => void router.carryOutAgain(effects, of),
    clock,
    options: allOptions,
  });
  const actions = actionServices({
    async unary(call) {
      const { name } = call.method.desc;
      const text = textOf(call.payload);
      seen.push(`${name} ${text}`);
      return (await behind.unary?.(name, text, call)) ?? reply(text);
    },
    streamed({ method, input }) {
      return (behind.streamed ?? echo)(method.desc.name, texts(input, seen, method.desc.name));
    },
  });
  const router = new Router({
    runtimes: new ServiceRuntimes(entities, actions),
    served: () => (behind.gone === true ? undefined : spec),
    clock,
    random: () => 0.5,
    telemetry,
    reportError: (message) => reports.push(message),
    effectMemory: plenty(),
    options: allOptions,
  });
  return {
    router,
    clock,
    reports,
    seen,
    async send(name, text = "", changes = {}, payload) {
      const method = methodOf(name);
      const made = payload ?? (isEntityMethod(method) ? counterRequest(text) : line(text));
      const sent = await router.unary({ method, payload: made, call: { ...BARE, ...changes } });
      return textOf(sent.payload);
    },
    async *stream(name, input = [], onEnd) {
      const messages = (async function* () {
        for (const text of input) yield line(text);
      })();
      const command = { method: methodOf(name), input: messages, call: BARE, ...(onEnd && { onEnd }) };
      for await (const { payload } of router.streamed(command)) yield textOf(payload);
    },
  };
}

const BARE = callerlessCall(plenty().charge());

async function* texts(input: AsyncIterable<Uint8Array>, seen: string[], name: string): AsyncIterable<string> {
  for await (const payload of input) {
    seen.push(`${name} ${textOf(payload)}`);
    yield textOf(payload);
  }
}

async function* echo(_name: string, input: AsyncIterable<string>): AsyncIterable<Outcome> {
  for await (const text of input) yield reply(text);
}

export function reply(text: string, effects: readonly SideEffect[] = NO_EFFECTS): Outcome {
  const { typeUrl, value } = lineAny(text);
  return { kind: "reply", typeUrl, payload: value, metadata: NO_METADATA, effects };
}

/** The answer of a counter, which is empty. */
function counted(): Outcome {
  const typeUrl = messageTypeUrl(COUNTER_REQUEST);
  return { kind: "reply", typeUrl, payload: new Uint8Array(0), metadata: NO_METADATA, effects: NO_EFFECTS };
}

/** A call of `Talks.Say` with this text, or of `Counter.Add` for this entity. */
export function callOf(name: string, text: string) {
  const [service = "", commandName = ""] = name.split(".");
  const isTalk = service !== "Counter";
  return {
    serviceName: isTalk ? `perdure.test.${service}` : COUNTER_SERVICE,
    commandName,
    typeUrl: isTalk ? lineAny("").typeUrl : messageTypeUrl(COUNTER_REQUEST),
    payload: isTalk ? line(text) : counterRequest(text),
    metadata: NO_METADATA,
  };
}

export function forward(name: string, text: string, effects: readonly SideEffect[] = NO_EFFECTS): Outcome {
  return { kind: "forward", call: callOf(name, text), effects };
}

export function effect(
  name: string,
  text: string,
  synchronous = false,
  onEnd?: SideEffect["onEnd"],
): SideEffect {
  const recorded = { idempotencyKey: undefined, lineage: undefined, trace: undefined, onEnd };
  return { ...callOf(name, text), synchronous, ...recorded };
}
