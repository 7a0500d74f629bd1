// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";

import { MAX_DELAY_MS } from "../base/mod.ts";
import type { Entity } from "../protocol/mod.ts";
import { entityKeyReader } from "../protocol/mod.ts";

import type {
  EntityHistory,
  EntityMethod,
  EntityService,
  ServedMethod,
  ServedService,
  UnservedPart,
} from "./spec.ts";
import { wholeService } from "./spec.ts";

/** A service that a user function announces, of a kind that this proxy serves. */
export interface AnnouncedService {
  readonly entity: Entity;
  readonly desc: DescService;
  /** The protocol extensions that the user function announces. */
  readonly extensions: ReadonlySet<string>;
}

/** What of an announced service can be served. */
export interface CheckedService {
  /** Undefined: nothing of it. */
  readonly service: ServedService | undefined;
  /** The parts that cannot, with the reasons. */
  readonly unserved: readonly UnservedPart[];
}

/**
 * A kind of service that a proxy can serve, as discovery sees it. The kinds of one proxy are those of the runtimes
 * that it registers (`ServiceRuntime` in pkg/router), so a new kind needs no edit here:
 *
 *     const ECHO: ServiceKind = {
 *       name: "echo",
 *       protocol: "example.Echo",
 *       check: (announced) => ({ service: statelessService("echo", announced), unserved: [] }),
 *     };
 */
export interface ServiceKind {
  /** For people and logs, as "value". Becomes `kind` of its services. */
  readonly name: string;
  /** Full name of the gRPC service by which the proxy drives it. User functions announce it as the entity's type. */
  readonly protocol: string;
  /** Checks a service that a user function announces. Pure. */
  readonly check: (announced: AnnouncedService) => CheckedService;
}

/** A kind of service with entities: each command names its entity, and the entity's state is stored. */
export function entityKind(name: string, protocol: string, history: EntityHistory): ServiceKind {
  const check = ({ entity, desc, extensions }: AnnouncedService): CheckedService => {
    const { serviceName, persistenceId, snapshotVersion } = entity;
    const fault =
      persistenceId === ""
        ? `service ${serviceName} has no persistence id`
        : snapshotVersionFault(serviceName, history, snapshotVersion);
    if (fault !== undefined) return { service: undefined, unserved: [wholeService(serviceName, fault)] };
    const methods = new Map<string, EntityMethod>();
    const service: EntityService = {
      kind: name,
      desc,
      extensions,
      takesMetadata: false,
      history,
      persistenceId,
      snapshotVersion,
      passivationTimeoutMs: passivationTimeoutMs(entity),
      methods,
    };
    const unserved: UnservedPart[] = [];
    for (const method of desc.methods) {
      const entityKey = entityKeyReader(method.input);
      const reason = methodFault(protocol, method, entityKey !== undefined);
      if (reason !== undefined)
        unserved.push({ what: "calls", service: serviceName, method: method.name, reason });
      else if (entityKey !== undefined) methods.set(method.name, { service, desc: method, entityKey });
    }
    const isServed = methods.size > 0 || desc.methods.length === 0;
    return { service: isServed ? service : undefined, unserved };
  };
  return { name, protocol, check };
}

/** A service without state, whose methods may have any of the four shapes of gRPC. */
export function statelessService(kind: string, { desc, extensions }: AnnouncedService): ServedService {
  const methods = new Map<string, ServedMethod>();
  const service: ServedService = { kind, desc, extensions, takesMetadata: true, methods };
  for (const method of desc.methods) methods.set(method.name, { service, desc: method });
  return service;
}

function methodFault(protocol: string, method: DescMethod, hasKey: boolean): string | undefined {
  const errors: string[] = [];
  const name = `${method.parent.typeName}.${method.name}`;
  if (method.methodKind !== "unary") {
    errors.push(`method ${name} is streamed; methods of an ${protocol} service have to be unary`);
  }
  if (!hasKey) {
    errors.push(
      `method ${name} takes ${method.input.typeName}, which has no field marked (cloudstate.entity_key); ` +
        "without one the proxy cannot know which entity a command is for",
    );
  }
  return errors.length === 0 ? undefined : errors.join("; ");
}

const MAX_SNAPSHOT_VERSION_LENGTH = 100;

function snapshotVersionFault(service: string, history: EntityHistory, version: string): string | undefined {
  if (version.length > MAX_SNAPSHOT_VERSION_LENGTH)
    return `the snapshot version of service ${service} has ${version.length} characters, ${MAX_SNAPSHOT_VERSION_LENGTH} are allowed`;
  if (version === "" || history === "events") return undefined;
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
