// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import type { EntitySpec } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { EntitySpecSchema, ProxyInfoSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { Interceptor } from "../wire/interceptor.ts";
import { DISCOVER, REPORT_ERROR } from "../wire/paths.ts";
import { Peer } from "../wire/peer.ts";
import type { ProxySide, ServiceSide } from "./case.ts";
import { discover } from "./discover.ts";
import { httpCaller } from "./http-caller.ts";
import { describeCall } from "./nothing-more.ts";

export interface SideOptions {
  /** How long anything that a case expects may take. */
  readonly withinMs: number;
  /** How long the program under test may take to start, in milliseconds. */
  readonly startWithinMs: number;
  /** In the ids of all entities, so that no run meets what an earlier one has stored. */
  readonly run: string;
}

/** The program under test is not reachable, or is in no state to run cases. */
export class NotThereError extends Error {
  override readonly name = "NotThereError";
}

const RETRY_MS = 50;

/** HTTP statuses of a proxy that is not ready yet, or that never will be. */
const NOT_SERVING = [503, 501];

/**
 * Finds a user function, and asks what it serves.
 *
 * @param address `host:port`.
 * @throws NotThereError
 */
export async function openServiceSide(
  address: string,
  options: SideOptions,
): Promise<ServiceSide & Disposable> {
  const { withinMs, startWithinMs, run } = options;
  const service = new Peer(address);
  try {
    const spec = await retry(`no user function at ${address}`, startWithinMs, () =>
      discover(service, withinMs),
    );
    return {
      service,
      spec,
      withinMs,
      nextEntityId: entityIds(`${run}-s`),
      [Symbol.dispose]: () => service.close(),
    };
  } catch (error) {
    service.close();
    throw error;
  }
}

/**
 * Finds a proxy which has found the interceptor.
 *
 * @param address `host:port` of its public port.
 * @throws NotThereError
 */
export async function openProxySide(
  address: string,
  interceptor: Interceptor,
  options: SideOptions,
): Promise<ProxySide & Disposable> {
  const { withinMs, startWithinMs, run } = options;
  const discovery = await interceptor.claim(DISCOVER, startWithinMs);
  const asked = await discovery?.fromProxy.next(withinMs);
  const answered = await discovery?.fromService.next(withinMs);
  if (asked?.kind !== "message" || answered?.kind !== "message") {
    throw new NotThereError(
      `the proxy has not looked for its user function at port ${interceptor.port} within ${startWithinMs} ms`,
    );
  }
  const http = httpCaller(address, withinMs);
  await retry(`no proxy at ${address}`, startWithinMs, async () => {
    const answer = await http.call("/").catch((error: Error) => error);
    if (!(answer instanceof Error) && !NOT_SERVING.includes(answer.status)) return;
    // This is not checked for a proxy that serves, because it may report parts that it does not serve.
    const report = interceptor.unclaimed.find(({ path }) => path === REPORT_ERROR);
    if (report !== undefined)
      throw new NotThereError(`the proxy refuses the user function: ${describeCall(report)}`);
    throw answer instanceof Error ? answer : new Error("it answers that it is not ready");
  });
  const spec: EntitySpec = fromBinary(EntitySpecSchema, answered.bytes);
  const proxy = new Peer(address);
  return {
    proxy,
    http,
    interceptor,
    spec,
    proxyInfo: fromBinary(ProxyInfoSchema, asked.bytes),
    withinMs,
    nextEntityId: entityIds(`${run}-p`),
    [Symbol.dispose]: () => proxy.close(),
  };
}

function entityIds(prefix: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `entity-${prefix}${count}`;
  };
}

async function retry<T>(what: string, withinMs: number, attempt: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs)
        throw new NotThereError(`${what}: ${(error as Error).message}`, { cause: error });
    }
    await delay(RETRY_MS);
  }
}
