// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";

import { MAX_DELAY_MS } from "../base/mod.ts";
import {
  ActionProtocol,
  DescriptorError,
  entityKeyReader,
  EventSourced,
  readDescriptors,
  ValueEntity,
} from "../protocol/mod.ts";
import type { Descriptors, Entity, EntitySpec, ServiceInfo } from "../protocol/mod.ts";

import type {
  ActionMethod,
  ActionService,
  EntityMethod,
  EntityService,
  ServedService,
  ServiceKind,
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
 * Checks what a user function said of itself (Cloudstate 0.2, specification errors). Pure.
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

  const errors: string[] = [];
  const services = new Map<string, ServedService>();
  for (const entity of spec.entities) {
    const checked = checkService(entity, descriptors, supportedTypes);
    if (Array.isArray(checked)) errors.push(...checked);
    else if (services.has(entity.serviceName))
      errors.push(`service ${entity.serviceName} is announced twice`);
    else services.set(entity.serviceName, checked);
  }
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, spec: { descriptors, services, description: describe(spec.serviceInfo) } };
}

/** Undefined if the versions agree. They have to be equal; no version at all reads as 0.0. */
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

/** The service, or what is wrong with it. */
function checkService(
  entity: Entity,
  { registry }: Descriptors,
  supportedTypes: readonly string[],
): ServedService | string[] {
  const { serviceName, entityType } = entity;
  const desc = registry.getService(serviceName);
  if (desc === undefined) return [`service ${serviceName} is not in the descriptors`];
  const kind = supportedTypes.includes(entityType) ? KINDS.get(entityType) : undefined;
  if (kind === undefined) {
    const supported = supportedTypes.join(", ");
    return [
      `service ${serviceName} is a ${entityType}, which this proxy does not serve; it serves ${supported}`,
    ];
  }
  return kind === "action" ? actionService(desc) : entityService(kind, entity, desc);
}

function actionService(desc: DescService): ActionService {
  const methods = new Map<string, ActionMethod>();
  const service: ActionService = { kind: "action", desc, methods };
  for (const method of desc.methods) methods.set(method.name, { kind: "action", service, desc: method });
  return service;
}

function entityService(
  kind: EntityService["kind"],
  entity: Entity,
  desc: DescService,
): EntityService | string[] {
  const { serviceName, entityType, persistenceId, snapshotVersion } = entity;
  const errors = snapshotVersionFaults(serviceName, kind, snapshotVersion);
  const methods = new Map<string, EntityMethod>();
  const service: EntityService = {
    kind,
    desc,
    persistenceId,
    snapshotVersion,
    passivationTimeoutMs: passivationTimeoutMs(entity),
    methods,
  };
  for (const method of desc.methods) {
    const entityKey = entityKeyReader(method.input);
    errors.push(...checkEntityMethod(entityType, method, entityKey !== undefined));
    if (entityKey !== undefined) methods.set(method.name, { kind, service, desc: method, entityKey });
  }
  if (persistenceId === "") errors.push(`service ${serviceName} has no persistence id`);
  return errors.length > 0 ? errors : service;
}

function checkEntityMethod(entityType: string, method: DescMethod, hasKey: boolean): string[] {
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
  return errors;
}

const MAX_SNAPSHOT_VERSION_LENGTH = 100;

function snapshotVersionFaults(service: string, kind: EntityService["kind"], version: string): string[] {
  if (version.length > MAX_SNAPSHOT_VERSION_LENGTH) {
    return [
      `the snapshot version of service ${service} has ${version.length} characters, ${MAX_SNAPSHOT_VERSION_LENGTH} are allowed`,
    ];
  }
  if (version === "" || kind === "event-sourced") return [];
  return [
    `service ${service} has a snapshot version, but its entities are values: they have no events that could be replayed ` +
      "instead of a snapshot of another version",
  ];
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
