// SPDX-License-Identifier: Apache-2.0

import { COUNTER_SERVICE, counterRequest, counterSpec } from "../../lib/counter.ts";
import { grpcCaller } from "../../lib/grpc-caller.ts";
import type { TestScope } from "../../lib/processes.ts";
import { startProxyProcess } from "../../lib/processes.ts";
import { startScriptedUserFunction } from "../../lib/scripted-user-function.ts";
import { answerLoudly } from "./loud-script.ts";
import type { LogVolume } from "./proxy-log.ts";
import { logVolume } from "./proxy-log.ts";

/**
 * Plan of a run with a function that makes three mistakes with each command, and callers that send many. The function
 * answers with another type than it has declared, with a side effect that fails with a long text, and with a side
 * effect whose target does not exist.
 */
export interface LoudFunctionPlan {
  readonly commands: number;
  /** How many are sent at a time. */
  readonly callers: number;
  /** Further variables of the proxy. */
  readonly env?: Readonly<Record<string, string | number>>;
}

export interface LoudFunctionOutcome extends LogVolume {
  /** Texts that the function received by `reportError`. */
  readonly reports: readonly string[];
  readonly answered: number;
}

export async function loudFunction(scope: TestScope, plan: LoudFunctionPlan): Promise<LoudFunctionOutcome> {
  const userFunction = await startScriptedUserFunction({ spec: counterSpec(), onMessage: answerLoudly });
  scope.teardown(() => userFunction.kill());
  const proxy = await startProxyProcess(scope, {
    USER_FUNCTION_PORT: userFunction.port,
    PERDURE_LOG: "memory:",
    ...plan.env,
  });
  await proxy.ready();
  const client = grpcCaller(proxy.port);
  scope.teardown(() => client.close());
  let sent = 0;
  let answered = 0;
  const caller = async (): Promise<void> => {
    while (sent < plan.commands) {
      const id = `caller-${sent++ % 50}`;
      await client.callBytes(`/${COUNTER_SERVICE}/Add`, counterRequest(id));
      answered++;
    }
  };
  await Promise.all(Array.from({ length: plan.callers }, caller));
  await proxy.kill("SIGTERM");
  return { ...logVolume(proxy), reports: [...userFunction.reports], answered };
}
