// SPDX-License-Identifier: Apache-2.0

import { hasOption } from "@bufbuild/protobuf";

import type { Descriptors, Entity, EntitySpec, ServiceInfo } from "../protocol/mod.ts";
import { DescriptorError, eventing, readDescriptors } from "../protocol/mod.ts";

import type { ServiceKind } from "./service-kind.ts";
import type { ServedService, UnservedPart, UserFunctionSpec } from "./spec.ts";
import { wholeService } from "./spec.ts";

/** The version of Cloudstate's protocol that this proxy speaks. */
export const PROTOCOL_MAJOR = 0;
export const PROTOCOL_MINOR = 2;

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
 * @param kinds the kinds of services that this proxy serves
 * @param maxFields of its descriptors, if they have more than 64 KiB; by default any number.
 */
export function validateSpec(
  spec: EntitySpec,
  kinds: readonly ServiceKind[],
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
    const service = checkService(announced, descriptors, kinds, extensions, unserved);
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
  kinds: readonly ServiceKind[],
  extensions: ReadonlySet<string>,
  unserved: UnservedPart[],
): ServedService | undefined {
  if (entity === undefined) return undefined;
  const { serviceName, entityType } = entity;
  const refuse = (reason: string): undefined => void unserved.push(wholeService(serviceName, reason));
  if (again !== undefined) return refuse(`service ${serviceName} is announced twice`);
  const desc = registry.getService(serviceName);
  if (desc === undefined) return refuse(`service ${serviceName} is not in the descriptors`);
  const kind = kinds.find(({ protocol }) => protocol === entityType);
  if (kind === undefined) {
    const supported = kinds.map(({ protocol }) => protocol).join(", ");
    return refuse(
      `service ${serviceName} is a ${entityType}, which this proxy does not serve; it serves ${supported}`,
    );
  }
  const checked = kind.check({ entity, desc, extensions });
  unserved.push(...checked.unserved);
  return checked.service;
}

/** Services of different kinds with one persistence id. Neither kind could read the records of the other. */
function sharedByKinds(services: ReadonlyMap<string, ServedService>): UnservedPart[] {
  const byType = Map.groupBy(services.values(), ({ persistenceId }) => persistenceId);
  return [...byType].flatMap(([type, sharing]) => {
    if (type === undefined || new Set(sharing.map(({ kind }) => kind)).size < 2) return [];
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

function describe(info: ServiceInfo | undefined): string {
  const parts = [
    [info?.serviceName, info?.serviceVersion],
    [info?.serviceRuntime],
    [info?.supportLibraryName, info?.supportLibraryVersion],
  ];
  const words = parts.map((part) => part.filter(Boolean).join(" ")).filter(Boolean);
  return words.length === 0 ? "a user function without a name" : words.join(", ");
}
