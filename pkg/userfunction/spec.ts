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

/** What drives a service: which of Cloudstate's protocols its user function speaks. */
export type ServiceKind = ServedService["kind"];

/** One public service: its entities, or its action. */
export type ServedService = EntityService | ActionService;

/** One public method of a service of any kind. */
export type ServedMethod = EntityMethod | ActionMethod;

/** Entities, each found by the key in its commands: all methods are unary. */
export interface EntityService {
  readonly kind: "event-sourced" | "value";
  readonly desc: DescService;
  /** Extensions of Cloudstate's protocol that its user function announced, as `FAILURES`. No others are honoured. */
  readonly extensions: ReadonlySet<string>;
  readonly persistenceId: string;
  /** The version of snapshots that its code declares. Always empty for value entities, which have no snapshots. */
  readonly snapshotVersion: string;
  /** How long an entity may be idle before it leaves memory, in milliseconds; the proxy's default if undefined. */
  readonly passivationTimeoutMs: number | undefined;
  /** Methods by name, as `AddItem`. */
  readonly methods: ReadonlyMap<string, EntityMethod>;
}

export interface EntityMethod {
  /** That of its service. */
  readonly kind: EntityService["kind"];
  readonly service: EntityService;
  readonly desc: DescMethod;
  readonly entityKey: EntityKeyReader;
}

/** Functions without state, in any of the four shapes of gRPC. */
export interface ActionService {
  readonly kind: "action";
  readonly desc: DescService;
  readonly extensions: ReadonlySet<string>;
  readonly methods: ReadonlyMap<string, ActionMethod>;
}

export interface ActionMethod {
  readonly kind: "action";
  readonly service: ActionService;
  /** `desc.methodKind` is its shape. */
  readonly desc: DescMethod;
}

/** The method's name for people, as `shop.Cart.AddItem`. */
export function methodName({ service, desc }: ServedMethod): string {
  return `${service.desc.typeName}.${desc.name}`;
}
