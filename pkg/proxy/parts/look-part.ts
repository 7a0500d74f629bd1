// SPDX-License-Identifier: Apache-2.0

import type { ServiceKind } from "../../userfunction/mod.ts";

import { listeningSockets } from "../listening-ports.ts";
import type { StartError } from "../start-error.ts";
import { startError } from "../start-error.ts";
import { StartWatch } from "../start-watch.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

/**
 * Looks for the user function, once all that serves it has started.
 *
 * @param kinds of services that the proxy serves
 * @param onStartFailed see `ProxyDependencies`; undefined: it looks without an end.
 */
export function lookPart(
  { options, clock }: Shared,
  { userFunction, served, onRejected }: UserFunctionPart,
  kinds: readonly ServiceKind[],
  ownPorts: readonly number[],
  onStartFailed: ((error: StartError) => void) | undefined,
): Part {
  const { userFunctionHost: host, userFunctionPort: port, startTimeoutMs } = options;
  const watch = new StartWatch({
    clock,
    timeoutMs: onStartFailed === undefined ? 0 : startTimeoutMs,
    isRefused: () => userFunction.status.kind === "rejected",
    onFailed: () => {
      const target = { host, port, ownPorts };
      onStartFailed?.(startError(userFunction.status, target, startTimeoutMs, listeningSockets()));
    },
  });
  served.subscribe((spec) => {
    if (spec !== undefined) watch.stop();
  });
  onRejected.push(() => watch.refused());
  return {
    name: "start",
    async start() {
      userFunction.start(kinds);
      watch.start();
    },
    stop: async () => watch.stop(),
  };
}
