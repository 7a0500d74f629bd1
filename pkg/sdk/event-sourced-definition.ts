// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescMessage, DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";

import type { CommandContext } from "./command-context.ts";
import { SdkError } from "./error.ts";

/** One method with its handler. Here types end: the descriptors say what the messages are. */
export interface MethodEntry {
  readonly method: DescMethod;
  readonly repliesEmpty: boolean;
  readonly handle: (command: Message, context: CommandContext<Message>) => unknown;
}

export interface EventEntry {
  readonly schema: DescMessage;
  readonly apply: (state: Message, event: Message) => unknown;
}

/** The options as a caller without a compiler may give them. */
interface UncheckedOptions {
  readonly persistenceId: unknown;
  readonly snapshotEvery?: unknown;
  readonly passivationTimeoutMs?: unknown;
  readonly commands: unknown;
  readonly events: unknown;
}

/** Raises one `BAD_ENTITY` with every fault of the definition. */
export function checkEventSourced(service: DescService, state: DescMessage, options: UncheckedOptions): void {
  if (!isDescriptor(service, "service")) {
    throw new SdkError("BAD_ENTITY", "eventSourced: the first argument is no generated service descriptor");
  }
  if (!isDescriptor(state, "message")) {
    throw new SdkError("BAD_ENTITY", `${service.typeName}: the state is no generated message descriptor`);
  }
  const faults = [
    ...optionFaults(options),
    ...commandFaults(service, options.commands),
    ...eventFaults(options.events),
  ];
  if (faults.length > 0) throw new SdkError("BAD_ENTITY", `${service.typeName}: ${faults.join("; ")}`);
}

export function methodTable(service: DescService, commands: unknown): ReadonlyMap<string, MethodEntry> {
  const handlers = commands as Readonly<Record<string, MethodEntry["handle"]>>;
  const table = new Map<string, MethodEntry>();
  for (const method of service.methods) {
    const handle = handlers[method.localName];
    if (handle === undefined) continue;
    const repliesEmpty = method.output.typeName === EmptySchema.typeName;
    // A handler written as a method may use `this` for its siblings.
    table.set(method.name, { method, repliesEmpty, handle: handle.bind(handlers) });
  }
  return table;
}

export function eventTable(events: unknown): ReadonlyMap<string, EventEntry> {
  return new Map((events as readonly EventEntry[]).map((entry) => [entry.schema.typeName, entry]));
}

export function initialState(schema: DescMessage, initial: unknown): (entityId: string) => Message {
  if (typeof initial === "function") {
    return (entityId) => create(schema, initial(entityId) as Record<string, unknown>);
  }
  // A fresh message each time, so that two entities never share one.
  return () => create(schema, initial as Record<string, unknown> | undefined);
}

function optionFaults(options: UncheckedOptions): string[] {
  const { persistenceId, snapshotEvery, passivationTimeoutMs } = options;
  const faults: string[] = [];
  if (typeof persistenceId !== "string" || persistenceId === "") {
    faults.push("persistenceId must be a text that is not empty");
  }
  if (snapshotEvery !== undefined && !isWhole(snapshotEvery, 0)) {
    faults.push(`snapshotEvery must be a whole number, 0 or more, not ${inspect(snapshotEvery)}`);
  }
  if (passivationTimeoutMs !== undefined && !isWhole(passivationTimeoutMs, 1)) {
    faults.push(
      `passivationTimeoutMs must be a whole number of milliseconds, not ${inspect(passivationTimeoutMs)}`,
    );
  }
  return faults;
}

function commandFaults(service: DescService, commands: unknown): string[] {
  if (typeof commands !== "object" || commands === null) {
    return ["commands must be an object of handlers"];
  }
  const handlers = commands as Readonly<Record<string, unknown>>;
  const faults: string[] = [];
  for (const method of service.methods) {
    if (method.methodKind !== "unary") {
      faults.push(`method ${method.name} is streamed, which event sourced entities cannot be`);
    } else if (!Object.hasOwn(handlers, method.localName)) {
      faults.push(`commands.${method.localName} is missing`);
    } else if (typeof handlers[method.localName] !== "function") {
      faults.push(`commands.${method.localName} must be a function`);
    }
  }
  for (const name of Object.keys(handlers)) {
    if (!Object.hasOwn(service.method, name)) faults.push(`commands.${name} is no method of the service`);
  }
  return faults;
}

function eventFaults(events: unknown): string[] {
  if (!Array.isArray(events)) return ["events must be a list of on(...)"];
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of (events as readonly unknown[]).entries()) {
    const { schema, apply } = (entry ?? {}) as Partial<EventEntry>;
    if (!isDescriptor(schema, "message") || typeof apply !== "function") {
      faults.push(`events[${index}] is not made by on(schema, apply)`);
    } else if (seen.has(schema.typeName)) {
      faults.push(`events has two handlers of ${schema.typeName}`);
    } else {
      seen.add(schema.typeName);
    }
  }
  return faults;
}

function isDescriptor<Kind extends "service" | "message">(
  value: unknown,
  kind: Kind,
): value is Extract<DescService | DescMessage, { kind: Kind }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
