// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";

import type { Entity, EntitySpec, ProxyInfo } from "../protocol/gen/cloudstate/entity_pb.ts";
import {
  EntityPassivationStrategySchema,
  EntitySchema,
  EntitySpecSchema,
  TimeoutPassivationStrategySchema,
} from "../protocol/gen/cloudstate/entity_pb.ts";
import { EventSourced } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { descriptorSet } from "./descriptor-set.ts";
import { SdkError } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced.ts";
import type { PackageInfo } from "./package-info.ts";

const PROTOCOL_MAJOR = 0;
const PROTOCOL_MINOR = 2;

/** What `discover` answers. Raises `BAD_ENTITY` if the entities do not go together. */
export function entitySpec(
  entities: readonly EventSourcedEntity[],
  application: PackageInfo,
  library: PackageInfo,
): EntitySpec {
  checkTogether(entities);
  return create(EntitySpecSchema, {
    proto: descriptorSet(
      // Events and states may be in files of their own, which a proxy then can show to people.
      entities.flatMap((entity) => [
        entity.service.file,
        entity.state.file,
        ...Array.from(entity.events.values(), (event) => event.schema.file),
      ]),
    ),
    entities: entities.map(announce),
    serviceInfo: {
      serviceName: application.name,
      serviceVersion: application.version,
      serviceRuntime: `node ${process.version}`,
      supportLibraryName: library.name,
      supportLibraryVersion: library.version,
      protocolMajorVersion: PROTOCOL_MAJOR,
      protocolMinorVersion: PROTOCOL_MINOR,
    },
  });
}

function announce({ service, persistenceId, passivationTimeoutMs }: EventSourcedEntity): Entity {
  const entity = create(EntitySchema, {
    entityType: EventSourced.typeName,
    serviceName: service.typeName,
    persistenceId,
  });
  if (passivationTimeoutMs !== undefined) {
    const value = create(TimeoutPassivationStrategySchema, { timeout: BigInt(passivationTimeoutMs) });
    entity.passivationStrategy = create(EntityPassivationStrategySchema, {
      strategy: { case: "timeout", value },
    });
  }
  return entity;
}

/**
 * What the developer should know about the proxy. Discovery is answered in any case: the proxy knows both sides and
 * explains a refusal better.
 */
export function proxyFaults(proxy: ProxyInfo): string[] {
  const name = `the proxy ${proxy.proxyName} ${proxy.proxyVersion}`.trimEnd();
  const faults: string[] = [];
  if (proxy.protocolMajorVersion !== PROTOCOL_MAJOR || proxy.protocolMinorVersion !== PROTOCOL_MINOR) {
    faults.push(
      `${name} speaks protocol ${proxy.protocolMajorVersion}.${proxy.protocolMinorVersion}, ` +
        `this SDK ${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}`,
    );
  }
  if (!proxy.supportedEntityTypes.includes(EventSourced.typeName)) {
    faults.push(`${name} does not support event sourced entities`);
  }
  return faults;
}

function checkTogether(entities: readonly EventSourcedEntity[]): void {
  if (entities.length === 0) throw new SdkError("BAD_ENTITY", "serve: there is no entity to serve");
  const services = new Set<string>();
  const persistenceIds = new Set<string>();
  for (const { service, persistenceId } of entities) {
    if (services.has(service.typeName)) {
      throw new SdkError("BAD_ENTITY", `serve: two entities serve ${service.typeName}`);
    }
    if (persistenceIds.has(persistenceId)) {
      throw new SdkError("BAD_ENTITY", `serve: two entities have the persistenceId ${persistenceId}`);
    }
    services.add(service.typeName);
    persistenceIds.add(persistenceId);
  }
}
