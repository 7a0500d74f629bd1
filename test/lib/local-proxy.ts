// SPDX-License-Identifier: Apache-2.0

import { systemClock, systemRandom } from "../../pkg/base/mod.ts";
import type { Proxy, ProxyDependencies } from "../../pkg/proxy/mod.ts";
import { proxyOptions, startProxy } from "../../pkg/proxy/mod.ts";
import type { Telemetry } from "../../pkg/telemetry/mod.ts";
import { createLogger, logsOnly } from "../../pkg/telemetry/mod.ts";

import type { GrpcCaller } from "./grpc-caller.ts";
import { grpcCaller } from "./grpc-caller.ts";
import type { HttpClient } from "./http-client.ts";
import { httpClient } from "./http-client.ts";
import { RELAXED_PROXY } from "./nats/relaxed.ts";
import type { TestScope } from "./processes.ts";
import type { Script, ScriptedUserFunction } from "./scripted-user-function.ts";
import { startScriptedUserFunction } from "./scripted-user-function.ts";
import { until } from "./until.ts";

/** A proxy in the test's own process, with a log in memory, and clients of it. */
export interface LocalProxy {
  readonly proxy: Proxy;
  readonly http: HttpClient;
  readonly grpc: GrpcCaller;
  /** Of its admin port. */
  readonly admin: HttpClient;
  /** The admin port's answer to `/readyz?verbose`. */
  readyz(): Promise<{ readonly status: number; readonly body: string }>;
  /** Waits until the proxy is ready. */
  ready(): Promise<void>;
  /** Lines of its log. */
  readonly lines: readonly string[];
}

/** Starts a proxy in front of a user function that listens on this port, or will do so later. */
export async function startLocalProxy(
  scope: TestScope,
  userFunctionPort: number,
  env: Readonly<Record<string, string>> = {},
  onRequest?: ProxyDependencies["onRequest"],
  telemetry: Partial<Telemetry> = {},
): Promise<LocalProxy> {
  const lines: string[] = [];
  const options = proxyOptions(
    {},
    {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      PERDURE_LOG: "memory:",
      USER_FUNCTION_PORT: String(userFunctionPort),
      PERDURE_BACKOFF_MAX_MS: "100",
      PERDURE_DRAIN_TIMEOUT_MS: "200",
      ...RELAXED_PROXY,
      ...env,
    },
  );
  const logger = createLogger("debug", { write: (line) => lines.push(line) });
  const proxy = await startProxy(options, {
    clock: systemClock,
    random: systemRandom,
    telemetry: { ...logsOnly(logger), ...telemetry },
    levels: logger,
    onRequest,
  });
  const http = httpClient(proxy.port);
  const admin = httpClient(proxy.adminPort, { connections: 1 });
  const grpc = grpcCaller(proxy.port);
  scope.teardown(async () => {
    http.close();
    admin.close();
    grpc.close();
    await proxy.stop();
  });
  const readyz = () => admin.call("/readyz?verbose");
  const ready = () => until("the proxy is ready", async () => (await readyz()).status === 200);
  return { proxy, http, grpc, admin, readyz, ready, lines };
}

/** Starts a scripted user function and a proxy, and waits until the proxy is ready. */
export async function startWorld(
  scope: TestScope,
  script: Script,
  env: Readonly<Record<string, string>> = {},
  telemetry: Partial<Telemetry> = {},
): Promise<LocalProxy & { readonly userFunction: ScriptedUserFunction }> {
  const userFunction = await startScriptedUserFunction(script);
  const local = await startLocalProxy(scope, userFunction.port, env, undefined, telemetry);
  scope.teardown(() => userFunction.kill());
  await local.ready();
  return { ...local, userFunction };
}
