// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import type { Clock } from "../../../base/mod.ts";
import { Account, systemClock } from "../../../base/mod.ts";
import type { NatsLink } from "../../../nats/mod.ts";
import { NO_TELEMETRY } from "../../../telemetry/mod.ts";

import type { NatsServer, NatsServerOptions } from "../../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../../test/lib/nats/server.ts";
import { openTestLink } from "../../../../test/lib/nats/test-link.ts";
import { ForwardCaller } from "../caller.ts";
import type { ForwardOptions } from "../options.ts";
import { DEFAULT_FORWARD_OPTIONS } from "../options.ts";
import type { ForwardedRequest } from "../owner.ts";
import { ForwardOwner } from "../owner.ts";

export const PREFIX = "perdure-forward-shop";
export const OWNER = "shop-1.k3";

export interface WorldOptions {
  readonly server?: NatsServerOptions;
  readonly options?: Partial<ForwardOptions>;
  /** Of the owner, where they differ. */
  readonly ownerOptions?: Partial<ForwardOptions>;
  readonly callerClock?: Clock;
  readonly ownerClock?: Clock;
  readonly memoryBytes?: number;
}

/** A caller and an owner, each with a connection of its own. */
export interface World {
  readonly server: NatsServer;
  readonly caller: ForwardCaller;
  readonly owner: ForwardOwner;
  readonly callerLink: NatsLink;
  readonly ownerLink: NatsLink;
  readonly callerMemory: Account;
  readonly ownerMemory: Account;
  /** The peers of which the caller said that nobody takes requests. */
  readonly missing: readonly string[];
  /** Sends bytes to the owner, without a deadline and without cancelling. */
  ask(bytes: Uint8Array, peer?: string): Promise<Uint8Array>;
}

/** A request for a `ForwardCaller`. */
export function requestOf(bytes: Uint8Array, deadlineMs?: number) {
  return { bytes, deadlineMs, onCancel: (): void => undefined };
}

/** Starts a server, a caller, and an owner that answers with what `handle` gives. */
export async function forwardWorld(
  t: ExecutionContext,
  handle: (request: ForwardedRequest) => Promise<Uint8Array>,
  { server: serverOptions, memoryBytes = 1e9, ...changes }: WorldOptions = {},
): Promise<World> {
  const server = await startNatsServer({ jetstream: false, ...serverOptions });
  t.teardown(() => server.stop());
  const connect = (): Promise<NatsLink> => openTestLink(t, server.port);
  const [callerLink, ownerLink] = [await connect(), await connect()];
  const [callerMemory, ownerMemory] = [new Account(memoryBytes), new Account(memoryBytes)];
  const options = { ...DEFAULT_FORWARD_OPTIONS, ...changes.options };
  const owner = await ForwardOwner.open({
    link: ownerLink,
    prefix: PREFIX,
    clock: changes.ownerClock ?? systemClock,
    memory: ownerMemory,
    options: { ...options, ...changes.ownerOptions },
    self: OWNER,
    telemetry: NO_TELEMETRY,
    handle,
  });
  const missing: string[] = [];
  const caller = new ForwardCaller({
    link: callerLink,
    prefix: PREFIX,
    clock: changes.callerClock ?? systemClock,
    telemetry: NO_TELEMETRY,
    memory: callerMemory,
    options,
    onNoResponder: (peer) => missing.push(peer),
  });
  const ask = (bytes: Uint8Array, peer = OWNER): Promise<Uint8Array> => caller.call(peer, requestOf(bytes));
  return { server, caller, owner, callerLink, ownerLink, callerMemory, ownerMemory, missing, ask };
}
