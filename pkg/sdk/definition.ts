// SPDX-License-Identifier: Apache-2.0
//
// What the definitions of all kinds of services share. From here on the compiler does not know the types of messages;
// only the descriptors do.

import { inspect } from "node:util";

import type { DescMessage, DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";

import { SdkError } from "./error.ts";

/** One method with its handler, which takes a context and, by the method's shape, a message or a stream of messages. */
export interface MethodEntry {
  readonly method: DescMethod;
  readonly repliesEmpty: boolean;
  readonly handle: (input: unknown, context: unknown) => unknown;
}

/** What the definitions of entities of all kinds have. */
export interface EntityDefinition<
  Service extends DescService = DescService,
  State extends DescMessage = DescMessage,
> {
  readonly service: Service;
  readonly persistenceId: string;
  readonly state: State;
  readonly passivationTimeoutMs: number | undefined;
  /** By the method's name on the wire. */
  readonly methods: ReadonlyMap<string, MethodEntry>;
  readonly initial: (entityId: string) => Message;
}

/** The options of an entity of any kind. */
export interface EntityOptions {
  /** Namespace of the entities' state in the log. Never change it once there is state. */
  readonly persistenceId: string;
  /** How long an entity may be idle before the proxy drops it from memory, in milliseconds. Default: the proxy's. */
  readonly passivationTimeoutMs?: number;
}

/** The options of an entity as a caller without a compiler may give them. */
export interface UncheckedEntity {
  readonly persistenceId: unknown;
  readonly passivationTimeoutMs?: unknown;
  readonly commands: unknown;
}

/** @throws SdkError `BAD_ENTITY` if there are faults, with all of them. */
export function refuse(service: DescService, faults: readonly string[]): void {
  if (faults.length > 0) throw new SdkError("BAD_ENTITY", `${service.typeName}: ${faults.join("; ")}`);
}

/**
 * @param maker the function that was called.
 * @throws SdkError `BAD_ENTITY` for what is no generated descriptor.
 */
export function checkService(maker: string, service: unknown): asserts service is DescService {
  if (isDescriptor(service, "service")) return;
  throw new SdkError("BAD_ENTITY", `${maker}: the first argument is no generated service descriptor`);
}

export function checkState(service: DescService, state: unknown): asserts state is DescMessage {
  if (isDescriptor(state, "message")) return;
  throw new SdkError("BAD_ENTITY", `${service.typeName}: the state is no generated message descriptor`);
}

/** By the method's name on the wire. */
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

/** What every kind of entity takes from its options, which have been checked. */
export function entityDefinition<Service extends DescService, State extends DescMessage>(
  service: Service,
  state: State,
  options: EntityOptions & { readonly initial?: unknown; readonly commands: unknown },
): EntityDefinition<Service, State> {
  return {
    service,
    state,
    persistenceId: options.persistenceId,
    passivationTimeoutMs: options.passivationTimeoutMs,
    methods: methodTable(service, options.commands),
    initial: initialState(state, options.initial),
  };
}

function initialState(schema: DescMessage, initial: unknown): (entityId: string) => Message {
  if (typeof initial === "function") {
    return (entityId) => create(schema, initial(entityId) as Record<string, unknown>);
  }
  // A fresh message each time, so that two entities never share one.
  return () => create(schema, initial as Record<string, unknown> | undefined);
}

/** The faults of the options that every entity has. `kind` names the entities in the texts, as "value entities". */
export function entityFaults(service: DescService, options: UncheckedEntity, kind: string): string[] {
  const { persistenceId, passivationTimeoutMs, commands } = options;
  const faults: string[] = [];
  if (typeof persistenceId !== "string" || persistenceId === "") {
    faults.push("persistenceId must be a text that is not empty");
  }
  if (passivationTimeoutMs !== undefined && !isWhole(passivationTimeoutMs, 1)) {
    faults.push(
      `passivationTimeoutMs must be a whole number of milliseconds, not ${inspect(passivationTimeoutMs)}`,
    );
  }
  for (const method of service.methods) {
    if (method.methodKind !== "unary") {
      faults.push(`method ${method.name} is streamed, which ${kind} cannot be`);
    }
  }
  return [...faults, ...handlerFaults(service, commands, "commands")];
}

/** The faults of an object of handlers. The texts name it `field`, or "the second argument" if that is empty. */
export function handlerFaults(service: DescService, given: unknown, field: string): string[] {
  if (typeof given !== "object" || given === null) {
    return [`${field || "the second argument"} must be an object of handlers`];
  }
  const handlers = given as Readonly<Record<string, unknown>>;
  const named = (name: string): string => (field === "" ? name : `${field}.${name}`);
  const faults: string[] = [];
  for (const { localName } of service.methods) {
    if (!Object.hasOwn(handlers, localName)) faults.push(`${named(localName)} is missing`);
    else if (typeof handlers[localName] !== "function") faults.push(`${named(localName)} must be a function`);
  }
  for (const name of Object.keys(handlers)) {
    if (!Object.hasOwn(service.method, name)) faults.push(`${named(name)} is no method of the service`);
  }
  return faults;
}

export function isDescriptor<Kind extends "service" | "message">(
  value: unknown,
  kind: Kind,
): value is Extract<DescService | DescMessage, { kind: Kind }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

export function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
