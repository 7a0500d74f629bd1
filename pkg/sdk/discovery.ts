// SPDX-License-Identifier: Apache-2.0

import type { DescFile } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import { ActionProtocol } from "../protocol/gen/cloudstate/action_pb.ts";
import type { Entity, EntitySpec, ProxyInfo } from "../protocol/gen/cloudstate/entity_pb.ts";
import {
  EntityPassivationStrategySchema,
  EntitySchema,
  EntitySpecSchema,
} from "../protocol/gen/cloudstate/entity_pb.ts";
import { EventSourced } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { ValueEntity } from "../protocol/gen/cloudstate/value_entity_pb.ts";
import { descriptorSet } from "./descriptor-set.ts";
import { SdkError } from "./error.ts";
import type { PackageInfo } from "./package-info.ts";
import type { Served } from "./served.ts";

const PROTOCOL_MAJOR = 0;
const PROTOCOL_MINOR = 2;

/** Perdure's additions to the protocol that this SDK uses (`cloudstate.ServiceInfo`). Other proxies ignore them. */
const EXTENSIONS = ["failures", "trace-context"];

/** For each kind: the gRPC service through which a proxy drives it, and its plural for messages to people. */
const KINDS = {
  eventSourced: { protocol: EventSourced.typeName, plural: "event sourced entities" },
  value: { protocol: ValueEntity.typeName, plural: "value entities" },
  action: { protocol: ActionProtocol.typeName, plural: "actions" },
} as const satisfies Record<Served["kind"], unknown>;

/** The answer of `discover`. @throws SdkError `BAD_ENTITY` if the entities cannot be served together. */
export function entitySpec(
  entities: readonly Served[],
  application: PackageInfo,
  library: PackageInfo,
): EntitySpec {
  checkTogether(entities);
  return create(EntitySpecSchema, {
    proto: descriptorSet(entities.flatMap(filesOf)),
    entities: entities.map(announce),
    serviceInfo: {
      serviceName: application.name,
      serviceVersion: application.version,
      serviceRuntime: `node ${process.version}`,
      supportLibraryName: library.name,
      supportLibraryVersion: library.version,
      protocolMajorVersion: PROTOCOL_MAJOR,
      protocolMinorVersion: PROTOCOL_MINOR,
      extensions: EXTENSIONS,
    },
  });
}

/** The files of events and states may be others. They are sent too, so that a proxy can show events and states. */
function filesOf(served: Served): DescFile[] {
  const files = [served.service.file];
  if (served.kind !== "action") files.push(served.state.file);
  if (served.kind === "eventSourced")
    for (const { schema } of served.events.values()) files.push(schema.file);
  return files;
}

function announce(served: Served): Entity {
  const entity = create(EntitySchema, {
    entityType: KINDS[served.kind].protocol,
    serviceName: served.service.typeName,
    snapshotVersion: snapshotVersionOf(served),
  });
  if (served.kind === "action") return entity;
  entity.persistenceId = served.persistenceId;
  if (served.passivationTimeoutMs !== undefined) {
    const value = { timeout: BigInt(served.passivationTimeoutMs) };
    entity.passivationStrategy = create(EntityPassivationStrategySchema, {
      strategy: { case: "timeout", value },
    });
  }
  return entity;
}

function snapshotVersionOf(served: Served): string {
  return served.kind === "eventSourced" ? served.snapshotVersion : "";
}

/** The name of the proxy that supports versions of snapshots. */
const PERDURE = "perdure";

/**
 * Warnings about the proxy for the developer. Discovery is answered in any case, because the proxy knows both sides and
 * explains a refusal better.
 */
export function proxyFaults(proxy: ProxyInfo, entities: readonly Served[]): string[] {
  const name = `the proxy ${proxy.proxyName} ${proxy.proxyVersion}`.trimEnd();
  const faults: string[] = [];
  if (proxy.protocolMajorVersion !== PROTOCOL_MAJOR || proxy.protocolMinorVersion !== PROTOCOL_MINOR) {
    faults.push(
      `${name} speaks protocol ${proxy.protocolMajorVersion}.${proxy.protocolMinorVersion}, ` +
        `this SDK ${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}`,
    );
  }
  for (const kind of new Set(entities.map((served) => served.kind))) {
    const { protocol, plural } = KINDS[kind];
    if (!proxy.supportedEntityTypes.includes(protocol)) faults.push(`${name} does not support ${plural}`);
  }
  if (proxy.proxyName !== PERDURE && entities.some((served) => snapshotVersionOf(served) !== "")) {
    faults.push(`${name} knows no snapshotVersion: it gives snapshots of older versions to this code too`);
  }
  return faults;
}

function checkTogether(entities: readonly Served[]): void {
  if (entities.length === 0) throw new SdkError("BAD_ENTITY", "serve: there is no entity to serve");
  const services = new Set<string>();
  const persistenceIds = new Set<string>();
  for (const served of entities) {
    const { typeName } = served.service;
    if (services.has(typeName)) throw new SdkError("BAD_ENTITY", `serve: two entities serve ${typeName}`);
    services.add(typeName);
    if (served.kind === "action") continue;
    const { persistenceId } = served;
    if (persistenceIds.has(persistenceId)) {
      throw new SdkError("BAD_ENTITY", `serve: two entities have the persistenceId ${persistenceId}`);
    }
    persistenceIds.add(persistenceId);
  }
}
