// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { hasOption } from "@bufbuild/protobuf";

import { MAX_DELAY_MS } from "../base/mod.ts";
import type { Descriptors, Entity, EntitySpec, ServiceInfo } from "../protocol/mod.ts";
import {
  ActionProtocol,
  DescriptorError,
  EventSourced,
  entityKeyReader,
  eventing,
  readDescriptors,
  ValueEntity,
} from "../protocol/mod.ts";

import type {
  ActionMethod,
  ActionService,
  EntityMethod,
  EntityService,
  ServedService,
  ServiceKind,
  UnservedPart,
  UserFunctionSpec,
} from "./spec.ts";

/** The version of Cloudstate's protocol that this proxy speaks. */
export const PROTOCOL_MAJOR = 0;
export const PROTOCOL_MINOR = 2;

/** The kinds of services by the protocol that drives them. */
const KINDS: ReadonlyMap<string, ServiceKind> = new Map([
  [EventSourced.typeName, "event-sourced"],
  [ValueEntity.typeName, "value"],
  [ActionProtocol.typeName, "action"],
]);

export type Validation =
  | { readonly ok: true; readonly spec: UserFunctionSpec }
  /** What the user function's developer has to change; at least one. */
  | { readonly ok: false; readonly errors: readonly string[] };

/**
 * Validates the answer of a user function to discovery (Cloudstate 0.2, specification errors). Pure.
 *
 * 1. A part with an error, which is a service or a method of an entity, is not served. The rest is served.
 * 2. Parts that conflict are all not served, so that the order of the announcement decides nothing: a service that is
 *    announced twice, services of different kinds with one persistence id.
 * 3. Without readable descriptors, or with no service left, the user function is refused as a whole.
 *
 * @param maxFields of its descriptors, if they have more than 64 KiB; by default any number.
 */
export function validateSpec(
  spec: EntitySpec,
  supportedTypes: readonly string[],
  maxFields?: number,
): Validation {
  if (spec.entities.length === 0) return { ok: false, errors: ["the user function announces no entities"] };

  let descriptors: Descriptors;
  try {
    descriptors = readDescriptors(spec.proto, maxFields);
  } catch (error) {
    if (error instanceof DescriptorError) return { ok: false, errors: [error.message] };
    throw error;
  }

  const unserved: UnservedPart[] = [];
  const services = new Map<string, ServedService>();
  const extensions = new Set(spec.serviceInfo?.extensions);
  for (const [name, announced] of Map.groupBy(spec.entities, ({ serviceName }) => serviceName)) {
    const service = checkService(announced, descriptors, supportedTypes, extensions, unserved);
    if (service !== undefined) services.set(name, service);
  }
  for (const part of sharedByKinds(services)) {
    services.delete(part.service);
    unserved.push(part);
  }
  if (services.size === 0) return { ok: false, errors: unserved.map(({ reason }) => reason) };
  for (const service of services.values()) unserved.push(...ignoredEvents(service));
  return { ok: true, spec: { descriptors, services, unserved, description: describe(spec.serviceInfo) } };
}

/** Undefined if the versions are equal. A missing version counts as 0.0. */
export function versionError(info: ServiceInfo | undefined): string | undefined {
  const major = info?.protocolMajorVersion ?? 0;
  const minor = info?.protocolMinorVersion ?? 0;
  if (major === PROTOCOL_MAJOR && minor === PROTOCOL_MINOR) return undefined;
  const library = info?.supportLibraryName
    ? ` (${info.supportLibraryName} ${info.supportLibraryVersion})`
    : "";
  return (
    `the user function${library} speaks protocol ${major}.${minor}, this proxy speaks ` +
    `${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}; use an SDK for ${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}, or switch the check ` +
    "off with PERDURE_PROTOCOL_CHECK=false at your own risk"
  );
}

/** The parts of a service that can be served; the others are added to `unserved`. */
function checkService(
  [entity, again]: readonly Entity[],
  { registry }: Descriptors,
  supportedTypes: readonly string[],
  extensions: ReadonlySet<string>,
  unserved: UnservedPart[],
): ServedService | undefined {
  if (entity === undefined) return undefined;
  const { serviceName, entityType, persistenceId } = entity;
  const refuse = (reason: string): undefined => void unserved.push(wholeService(serviceName, reason));
  if (again !== undefined) return refuse(`service ${serviceName} is announced twice`);
  const desc = registry.getService(serviceName);
  if (desc === undefined) return refuse(`service ${serviceName} is not in the descriptors`);
  const kind = supportedTypes.includes(entityType) ? KINDS.get(entityType) : undefined;
  if (kind === undefined) {
    const supported = supportedTypes.join(", ");
    return refuse(
      `service ${serviceName} is a ${entityType}, which this proxy does not serve; it serves ${supported}`,
    );
  }
  if (kind === "action") return actionService(desc, extensions);
  if (persistenceId === "") return refuse(`service ${serviceName} has no persistence id`);
  return entityService(kind, entity, desc, extensions, unserved);
}

function wholeService(service: string, reason: string): UnservedPart {
  return { what: "calls", service, method: undefined, reason };
}

function actionService(desc: DescService, extensions: ReadonlySet<string>): ActionService {
  const methods = new Map<string, ActionMethod>();
  const service: ActionService = { kind: "action", desc, extensions, methods };
  for (const method of desc.methods) methods.set(method.name, { kind: "action", service, desc: method });
  return service;
}

/** Undefined: its snapshot version is wrong, or it has methods and none of them can be served. */
function entityService(
  kind: EntityService["kind"],
  entity: Entity,
  desc: DescService,
  extensions: ReadonlySet<string>,
  unserved: UnservedPart[],
): EntityService | undefined {
  const { serviceName: service, entityType, persistenceId, snapshotVersion } = entity;
  const fault = snapshotVersionFault(service, kind, snapshotVersion);
  if (fault !== undefined) return void unserved.push(wholeService(service, fault));
  const methods = new Map<string, EntityMethod>();
  const served: EntityService = {
    kind,
    desc,
    extensions,
    persistenceId,
    snapshotVersion,
    passivationTimeoutMs: passivationTimeoutMs(entity),
    methods,
  };
  for (const method of desc.methods) {
    const entityKey = entityKeyReader(method.input);
    const reason = entityMethodError(entityType, method, entityKey !== undefined);
    if (reason !== undefined) unserved.push({ what: "calls", service, method: method.name, reason });
    else if (entityKey !== undefined)
      methods.set(method.name, { kind, service: served, desc: method, entityKey });
  }
  return methods.size === 0 && desc.methods.length > 0 ? undefined : served;
}

function entityMethodError(entityType: string, method: DescMethod, hasKey: boolean): string | undefined {
  const errors: string[] = [];
  const name = `${method.parent.typeName}.${method.name}`;
  if (method.methodKind !== "unary") {
    errors.push(`method ${name} is streamed; methods of an ${entityType} service have to be unary`);
  }
  if (!hasKey) {
    errors.push(
      `method ${name} takes ${method.input.typeName}, which has no field marked (cloudstate.entity_key); ` +
        "without one the proxy cannot know which entity a command is for",
    );
  }
  return errors.length === 0 ? undefined : errors.join("; ");
}

/** Services of different kinds with one persistence id. Neither kind could read the records of the other. */
function sharedByKinds(services: ReadonlyMap<string, ServedService>): UnservedPart[] {
  const stateful = [...services.values()].filter((service) => service.kind !== "action");
  const byType = Map.groupBy(stateful, ({ persistenceId }) => persistenceId);
  return [...byType].flatMap(([type, sharing]) => {
    if (new Set(sharing.map(({ kind }) => kind)).size < 2) return [];
    const names = sharing.map(({ kind, desc }) => `${desc.typeName} (${kind})`).join(" and ");
    const reason = `${names} have the same persistence id ${JSON.stringify(type)}; entities of different kinds cannot share one`;
    return sharing.map(({ desc }) => wholeService(desc.typeName, reason));
  });
}

/** Methods with an `eventing` option, which has no effect. Calls of these methods are served. */
function ignoredEvents({ desc, methods }: ServedService): UnservedPart[] {
  const service = desc.typeName;
  return [...methods.values()]
    .filter((method) => hasOption(method.desc, eventing))
    .map(({ desc: { name: method } }) => ({
      what: "events",
      service,
      method,
      reason:
        `(cloudstate.eventing) of ${service}.${method} has no effect: this proxy does not deliver events to methods, ` +
        "nor publish their replies, yet; calls of the method are served",
    }));
}

/** Each snapshot in the log holds the version, so it must be short. */
const MAX_SNAPSHOT_VERSION_LENGTH = 100;

function snapshotVersionFault(
  service: string,
  kind: EntityService["kind"],
  version: string,
): string | undefined {
  if (version.length > MAX_SNAPSHOT_VERSION_LENGTH)
    return `the snapshot version of service ${service} has ${version.length} characters, ${MAX_SNAPSHOT_VERSION_LENGTH} are allowed`;
  if (version === "" || kind === "event-sourced") return undefined;
  return (
    `service ${service} has a snapshot version, but its entities are values: they have no events that could be replayed ` +
    "instead of a snapshot of another version"
  );
}

function passivationTimeoutMs(entity: Entity): number | undefined {
  const strategy = entity.passivationStrategy?.strategy;
  if (strategy?.case !== "timeout" || strategy.value.timeout <= 0n) return undefined;
  return Math.min(Number(strategy.value.timeout), MAX_DELAY_MS);
}

function describe(info: ServiceInfo | undefined): string {
  const parts = [
    [info?.serviceName, info?.serviceVersion],
    [info?.serviceRuntime],
    [info?.supportLibraryName, info?.supportLibraryVersion],
  ];
  const words = parts.map((part) => part.filter(Boolean).join(" ")).filter(Boolean);
  return words.length === 0 ? "a user function without a name" : words.join(", ");
}
