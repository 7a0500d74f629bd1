// SPDX-License-Identifier: Apache-2.0

import type { DescService } from "@bufbuild/protobuf";

import type { Entity, EntitySpec, ProxyInfo } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { Interceptor } from "../wire/interceptor.ts";
import type { Peer } from "../wire/peer.ts";
import type { HttpCaller } from "./http-caller.ts";

interface Common {
  /** What the user function serves. */
  readonly spec: EntitySpec;
  /** How long anything that is expected may take. */
  readonly withinMs: number;
  /** The id of an entity that no case has used, in no run. */
  nextEntityId(): string;
}

/** The means to test a user function: a connection to it, used as a proxy would use it. */
export interface ServiceSide extends Common {
  readonly service: Peer;
}

/** The means to test a proxy: callers of its public port, and an interceptor between it and the user function. */
export interface ProxySide extends Common {
  readonly proxy: Peer;
  readonly http: HttpCaller;
  readonly interceptor: Interceptor;
  /** What the proxy sent about itself in its one discovery. */
  readonly proxyInfo: ProxyInfo;
}

export interface Case<Side> {
  /** The name of the case in the Cloudstate TCK, shortened. */
  readonly name: string;
  /** Services without which the case does not apply. */
  readonly needs: readonly DescService[];
  /** @throws ExpectationError */
  run(side: Side): Promise<void>;
}

/** Cases about one subject; they run one after the other. */
export type Group =
  | { readonly half: "service"; readonly title: string; readonly cases: readonly Case<ServiceSide>[] }
  | { readonly half: "proxy"; readonly title: string; readonly cases: readonly Case<ProxySide>[] };

export function entityOf(spec: EntitySpec, service: DescService): Entity | undefined {
  return spec.entities.find(({ serviceName }) => serviceName === service.typeName);
}
