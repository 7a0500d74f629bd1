// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";

import type { Descriptors, EntityKeyReader } from "../protocol/mod.ts";

/** What a user function serves. It has been validated, so no other code needs to check it again. */
export interface UserFunctionSpec {
  readonly descriptors: Descriptors;
  /** Public services by their full name. */
  readonly services: ReadonlyMap<string, ServedService>;
  /** Parts that it announces and that are not served. */
  readonly unserved: readonly UnservedPart[];
  /** The name and versions that the user function gives itself, for logs. */
  readonly description: string;
}

/** Something that a user function announces and this proxy does not do, while it serves the rest. */
export interface UnservedPart {
  /** All calls; or only those by its `google.api.http` rules; or only the delivery of events. */
  readonly what: "calls" | "http" | "events";
  /** Full name of the service, as it was announced. */
  readonly service: string;
  /** The method's name; undefined: the whole service. */
  readonly method: string | undefined;
  /** A sentence that names the part and says what its developer has to change. */
  readonly reason: string;
}

/**
 * The name of Perdure's protocol extension (`cloudstate.ServiceInfo.extensions`) for detailed failures. A user
 * function that announces it may give a failure a gRPC status, and itself tells its developer why it fails a stream.
 */
export const FAILURES = "failures";

/**
 * The name of the extension for the trace of each command. A user function that announces it gets the trace in the
 * metadata of each command of an entity, which otherwise has none.
 */
export const TRACE_CONTEXT = "trace-context";

/** One public service. A kind may give its services more (`EntityService`), which only its own runtime looks at. */
export interface ServedService {
  /** The name of its `ServiceKind`. */
  readonly kind: string;
  readonly desc: DescService;
  /** Extensions of Cloudstate's protocol that its user function announced, as `FAILURES`. No others are honoured. */
  readonly extensions: ReadonlySet<string>;
  /** Whether its methods get the caller's metadata. */
  readonly takesMetadata: boolean;
  /** The type under which its entities are stored; undefined: it stores nothing. */
  readonly persistenceId?: string;
  /** Methods by name, as `AddItem`. */
  readonly methods: ReadonlyMap<string, ServedMethod>;
}

/** One public method of a service of any kind. */
export interface ServedMethod {
  readonly service: ServedService;
  /** `desc.methodKind` is its shape. */
  readonly desc: DescMethod;
}

/** What the log holds of an entity: its events, or its newest value. */
export type EntityHistory = "events" | "value";

/** Entities, each found by the key in its commands: all methods are unary. */
export interface EntityService extends ServedService {
  readonly history: EntityHistory;
  readonly persistenceId: string;
  /** The version of snapshots that its code declares. Always empty for values, which have no snapshots. */
  readonly snapshotVersion: string;
  /** How long an entity may be idle before it leaves memory, in milliseconds; the proxy's default if undefined. */
  readonly passivationTimeoutMs: number | undefined;
  readonly methods: ReadonlyMap<string, EntityMethod>;
}

export interface EntityMethod extends ServedMethod {
  readonly service: EntityService;
  readonly entityKey: EntityKeyReader;
}

/** Whether the method is one of a service with entities. */
export function isEntityMethod(method: ServedMethod): method is EntityMethod {
  return "entityKey" in method;
}

/** Whether the service has entities. */
export function isEntityService(service: ServedService): service is EntityService {
  return "history" in service;
}

/** The method's name for people, as `shop.Cart.AddItem`. */
export function methodName({ service, desc }: ServedMethod): string {
  return `${service.desc.typeName}.${desc.name}`;
}

/** A whole service that is not served. */
export function wholeService(service: string, reason: string): UnservedPart {
  return { what: "calls", service, method: undefined, reason };
}
