// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import { messageTypeUrl } from "../../../pkg/protocol/mod.ts";
import { COUNTER_REQUEST, counterRequest, COUNTER_SERVICE, counterSpec } from "../../lib/counter.ts";
import { grpcCaller } from "../../lib/grpc-caller.ts";
import { startProxyProcess } from "../../lib/processes.ts";
import type { TestScope } from "../../lib/processes.ts";
import { startScriptedUserFunction } from "../../lib/scripted-user-function.ts";
import type { Script } from "../../lib/scripted-user-function.ts";

import { logVolume } from "./proxy-log.ts";
import type { LogVolume } from "./proxy-log.ts";

/**
 * A function that does three things wrong with each command, and callers who send many: it answers with another type
 * than it has declared, with a side effect that fails with a long text, and with one whose target does not exist.
 */
export interface LoudFunctionPlan {
  readonly commands: number;
  /** How many are sent at a time. */
  readonly callers: number;
  /** Further variables of the proxy. */
  readonly env?: Readonly<Record<string, string | number>>;
}

export interface LoudFunctionOutcome extends LogVolume {
  /** Texts that the function was told by `reportError`. */
  readonly reports: readonly string[];
  readonly answered: number;
}

const LONG_TEXT = "x".repeat(20_000);

export async function loudFunction(scope: TestScope, plan: LoudFunctionPlan): Promise<LoudFunctionOutcome> {
  const userFunction = await startScriptedUserFunction({ spec: counterSpec(), onMessage: answer });
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

const answer: NonNullable<Script["onMessage"]> = ({ message }, stream) => {
  if (message.case !== "command") return;
  const { id: commandId, entityId } = message.value;
  if (!entityId.startsWith("caller-")) {
    const action = { case: "failure" as const, value: { commandId, description: LONG_TEXT } };
    stream.send({ message: { case: "reply", value: { commandId, clientAction: { action } } } });
    return;
  }
  const value = counterRequest("target");
  const payload = create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value });
  const other = create(AnySchema, { typeUrl: messageTypeUrl("perdure.test.Other"), value });
  const failing = { serviceName: COUNTER_SERVICE, commandName: "Add", payload, synchronous: true };
  const missing = { ...failing, commandName: `NotThere${commandId}` };
  const action = { case: "reply" as const, value: { payload: other } };
  stream.send({
    message: {
      case: "reply",
      value: { commandId, clientAction: { action }, sideEffects: [failing, missing] },
    },
  });
};
