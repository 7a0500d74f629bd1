// SPDX-License-Identifier: Apache-2.0

import { startLocalProxy } from "../../lib/local-proxy.ts";
import type { TestScope } from "../../lib/processes.ts";
import { serveModel } from "../model/serve-model.ts";
import { openProxySide, openServiceSide } from "../suite/open-sides.ts";
import type { Sides } from "../suite/run-cases.ts";
import type { Tamper } from "../wire/interceptor.ts";
import { Interceptor } from "../wire/interceptor.ts";

/** Patience for a busy machine; a case that passes does not need it. */
const OPTIONS = { withinMs: 20_000, startWithinMs: 30_000, run: "test" };

/** Our model services in this process. Gives their address. */
export async function startModel(scope: TestScope): Promise<string> {
  const log = (): void => undefined;
  const { port, close } = await serveModel({ host: "127.0.0.1", port: 0, handleSignals: false, log });
  scope.teardown(() => close());
  return `127.0.0.1:${port}`;
}

/**
 * Starts our proxy in this process, with a log in memory, in front of a user function. Also connects to that user
 * function directly.
 */
export async function startPair(scope: TestScope, service: string): Promise<Required<Sides>> {
  const [proxy, direct] = [await proxyBefore(scope, service), await serviceAt(scope, service)];
  return { service: direct, proxy };
}

/** @param tamper simulates a faulty proxy, by changing what our proxy sends or receives. */
export async function proxyBefore(scope: TestScope, service: string, tamper?: Tamper) {
  const interceptor = await listen(scope, service, tamper);
  const local = await startLocalProxy(scope, interceptor.port);
  const side = await openProxySide(`127.0.0.1:${local.proxy.port}`, interceptor, OPTIONS);
  scope.teardown(() => side[Symbol.dispose]());
  return side;
}

/** @param tamper simulates a faulty user function, by changing what the one at this address sends or receives. */
export async function serviceAt(scope: TestScope, address: string, tamper?: Tamper) {
  const changed = tamper === undefined ? address : `127.0.0.1:${(await listen(scope, address, tamper)).port}`;
  const side = await openServiceSide(changed, OPTIONS);
  scope.teardown(() => side[Symbol.dispose]());
  return side;
}

async function listen(scope: TestScope, service: string, tamper?: Tamper): Promise<Interceptor> {
  const place = { host: "127.0.0.1", port: 0, service };
  const interceptor = await Interceptor.listen({ ...place, ...(tamper !== undefined && { tamper }) });
  scope.teardown(() => interceptor.close());
  return interceptor;
}
