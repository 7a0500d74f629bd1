// SPDX-License-Identifier: Apache-2.0

import { ActionRuntime } from "../../entity/mod.ts";
import type { OwnEntities } from "../../router/mod.ts";
import { actionServices, EntityServices, Router, ServiceRuntimes } from "../../router/mod.ts";

import type { RequestRecords } from "../request-records.ts";
import type { ClusterPart } from "./cluster-part.ts";
import type { EntitiesPart } from "./entities-part.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

export interface RouterPart extends Part {
  readonly router: Router;
  readonly runtimes: ServiceRuntimes;
}

/** The router, and the registry of what it routes to. */
export function routerPart(
  { options, clock, random, telemetry, memory, slowest, patiently }: Shared,
  { userFunction, streams, served }: UserFunctionPart,
  { entities, undone }: EntitiesPart,
  { placement, peers, gate, serveBy }: ClusterPart,
  records: RequestRecords | undefined,
): RouterPart {
  const reportError = (message: string): void => userFunction.reportError(message);
  const actions = new ActionRuntime({ streams, clock, telemetry, options, reportError, slowest });
  const runtimes = new ServiceRuntimes(
    new EntityServices({
      entities: records === undefined ? entities : recorded(entities, records),
      placement,
      peers,
      gate,
      carryOut: undone.put,
      clock,
      options,
    }),
    actionServices(actions),
  );
  const router = new Router({
    runtimes,
    served: () => served.spec,
    clock,
    random,
    telemetry,
    reportError,
    effectMemory: memory.effects,
    options,
  });
  served.subscribe((spec) => runtimes.serve(spec));
  serveBy(router);
  undone.consume((effects, entity) => void router.carryOutAgain(effects, entity));
  return {
    name: "router",
    router,
    runtimes,
    stop: () => patiently(router.stop()),
    inspect: () => ({ openActions: { ...actions.open }, sideEffects: { ...router.openEffects } }),
  };
}

function recorded(entities: OwnEntities, records: RequestRecords): OwnEntities {
  return {
    dispatch(command) {
      records.asked(command);
      return entities.dispatch(command);
    },
    serve: (services) => entities.serve(services),
  };
}
