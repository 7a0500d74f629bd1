// SPDX-License-Identifier: Apache-2.0

import { checkHttpRules } from "../../endpoint/mod.ts";
import { NO_TRACER } from "../../telemetry/mod.ts";
import type { StreamOpener, UserFunctionStatus } from "../../userfunction/mod.ts";
import { Served, tracedStreams, UserFunction } from "../../userfunction/mod.ts";

import type { Check } from "../admin/probe-routes.ts";
import type { PartState } from "../admin/report.ts";
import { PROXY_NAME, PROXY_VERSION } from "../version.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";

export interface UserFunctionPart extends Part {
  readonly userFunction: UserFunction;
  /** Its streams, for those who call it. */
  readonly streams: StreamOpener;
  readonly served: Served;
  /** Whoever is told when the user function is refused, with what its developer must change. */
  readonly onRejected: ((errors: readonly string[]) => void)[];
  /**
   * Sets the function that is called when the user function has as many streams as it takes. It asks the entity that
   * is idle longest to end its stream; false: none is idle. Until it is set, no entity is asked.
   */
  makeRoomBy(makeRoom: () => boolean): void;
}

/** The user function. Looking for it begins when all other parts have started (`lookPart`). */
export function userFunctionPart({ options, clock, random, telemetry, memory }: Shared): UserFunctionPart {
  const served = new Served();
  const onRejected: UserFunctionPart["onRejected"] = [];
  const { tracer } = telemetry;
  let makeRoom = (): boolean => false;
  const userFunction = new UserFunction({
    options,
    clock,
    random,
    telemetry,
    memory: memory.replies,
    proxyName: PROXY_NAME,
    proxyVersion: PROXY_VERSION,
    checkSpec: checkHttpRules,
    makeRoom: () => makeRoom(),
    onSpec: served.set,
    onRejected: (errors) => onRejected.forEach((listener) => listener(errors)),
  });
  return {
    name: "user function",
    userFunction,
    streams: tracer === NO_TRACER ? userFunction : tracedStreams(userFunction, tracer),
    served,
    onRejected,
    makeRoomBy: (maker) => void (makeRoom = maker),
    checks: () => checksOf(userFunction.status),
    stop: () => userFunction.stop(),
    inspect: () => inspectStreams(userFunction),
  };
}

/** HTTP/2's largest limit of streams, which servers without a limit announce. */
const ANY_NUMBER = 0xffff_ffff;

function inspectStreams({ status, maxStreams: max, streamUse }: UserFunction): PartState {
  const problem = problemOf(status);
  return {
    state: status.kind,
    ...(problem !== undefined && { problem }),
    streams: { ...streamUse, ...(max < ANY_NUMBER && { max }) },
  };
}

function checksOf(status: UserFunctionStatus): readonly Check[] {
  const check = { name: "user function", problem: problemOf(status) };
  if (status.kind !== "serving") return [check];
  const remarks = status.unserved.map(({ reason }) => reason);
  if (status.crowding !== undefined) remarks.push(status.crowding);
  return [check, ...remarks.map(remark)];
}

/** A check that mentions a problem but never makes the pod unready. */
function remark(text: string): Check {
  return { name: `user function, but ${text}`, problem: undefined };
}

function problemOf(status: UserFunctionStatus): string | undefined {
  switch (status.kind) {
    case "connecting":
      return ["not reachable yet", status.problem].filter(Boolean).join(": ");
    case "rejected":
      return `refused: ${status.errors.join("; ")}`;
    case "serving":
      return undefined;
  }
}
