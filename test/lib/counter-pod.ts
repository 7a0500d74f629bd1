// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { counterSpec } from "./counter.ts";
import { counterFunction } from "./counter-function.ts";
import type { LocalProxy } from "./local-proxy.ts";
import { startLocalProxy } from "./local-proxy.ts";
import { startScriptedUserFunction } from "./scripted-user-function.ts";

/** A proxy that shares its counters with others over NATS, and a function of its own. `env` has its log and user. */
export async function startCounterPod(
  t: ExecutionContext,
  pod: string,
  env: Readonly<Record<string, string>>,
): Promise<LocalProxy> {
  const userFunction = await startScriptedUserFunction({ spec: counterSpec(), onMessage: counterFunction() });
  t.teardown(() => userFunction.kill());
  return await startLocalProxy(t, userFunction.port, { PERDURE_CLUSTER: "on", POD_NAME: pod, ...env });
}
