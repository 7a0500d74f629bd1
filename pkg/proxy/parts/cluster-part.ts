// SPDX-License-Identifier: Apache-2.0

import { hostname } from "node:os";

import type { Placement, ReplyGate } from "../../cluster/mod.ts";
import { ALONE } from "../../cluster/mod.ts";
import { isElsewhere } from "../../eventlog/address/mod.ts";
import type { Peers, Router } from "../../router/mod.ts";
import { NO_PEERS } from "../../router/mod.ts";

import { aloneShards, shardsRoute } from "../admin/shards-route.ts";
import type { ProxyOptions } from "../options.ts";
import type { EntitiesPart } from "./entities-part.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

/** Which entities are this proxy's, and how it reaches those of others. */
export interface ClusterPart extends Part {
  readonly placement: Placement;
  readonly peers: Peers;
  readonly gate: ReplyGate | undefined;
  /** Sets who carries out the commands that other proxies send here. */
  readonly serveBy: (router: Pick<Router, "fromPeer">) => void;
  /**
   * Begins the proxy's end: others get the shards while requests to this one, which still come or run, go on to them.
   * To be a part after the public port.
   */
  readonly beginHandOver: () => void;
  /** Ends it: nothing is owed to others any more. To be a part after the router, which it still needs. */
  readonly handOver: () => Promise<void>;
  /** See `Proxy`. */
  readonly standAside: () => Promise<boolean>;
  readonly comeBack: () => Promise<void>;
}

/** That of a proxy with all entities. */
export function alonePart({ cluster }: Pick<ProxyOptions, "cluster">): ClusterPart {
  const reason = cluster === "off" ? "--cluster is off" : "its log is not on NATS";
  return {
    name: "cluster",
    placement: ALONE,
    peers: NO_PEERS,
    gate: undefined,
    serveBy: () => undefined,
    beginHandOver: () => undefined,
    handOver: async () => undefined,
    standAside: async () => false,
    comeBack: async () => undefined,
    routes: [shardsRoute(aloneShards(reason))],
  };
}

/** Whether the proxy shares its entities with others. A log that is not on NATS has one proxy. */
export function sharesEntities({ cluster, log }: Pick<ProxyOptions, "cluster" | "log">): boolean {
  return cluster !== "off" && isElsewhere(log);
}

/**
 * The part of a proxy that shares its entities. It joins the others when its user function can be served, because until
 * then it could carry out nothing, and from then on it is ready once it has its shards.
 *
 * @param onShards see `ProxyDependencies`
 */
export async function clusterPart(
  shared: Shared,
  { served }: UserFunctionPart,
  { entities }: EntitiesPart,
  onShards: ((own: number) => void) | undefined,
): Promise<ClusterPart> {
  const { options, patiently } = shared;
  // Imported here, so that a proxy that is alone loads none of it.
  const { SharedEntities } = await import("../cluster/shared-entities.ts");
  const self = {
    pod: options.podName === "" ? hostname() : options.podName,
    revision: options.revision,
    share: options.trafficShare,
  };
  const shares = new SharedEntities({ ...shared, host: entities, self, onShards });
  served.subscribe((spec) => {
    if (spec === undefined) shares.functionEnded();
    else shares.functionServed();
  });
  return {
    name: "cluster",
    placement: shares,
    peers: shares,
    gate: shares,
    serveBy: (router) => shares.serveBy(router),
    beginHandOver: () => void shares.drain(),
    handOver: () => patiently(shares.handOver()),
    async standAside() {
      const isAside = await shares.standAside();
      // Its port goes on: what callers ask for is known, and others carry it out.
      if (isAside) served.keep();
      return isAside;
    },
    async comeBack() {
      served.keepNoMore();
      await shares.comeBack();
    },
    checks: () => [{ name: "cluster", problem: shares.problem, note: shares.note }],
    routes: [shardsRoute(shares.shards)],
    drain: () => shares.drain(),
    resume: () => shares.resume(),
    stop: () => shares.stop(),
    inspect: () => shares.inspect(),
  };
}
