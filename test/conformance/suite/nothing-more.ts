// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import { UserFunctionErrorSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { file_cloudstate_tck_model_action } from "../gen/cloudstate/tck/model/action_pb.ts";
import { file_cloudstate_tck_model_eventsourced } from "../gen/cloudstate/tck/model/eventsourced_pb.ts";
import { file_cloudstate_tck_model_valueentity } from "../gen/cloudstate/tck/model/valueentity_pb.ts";
import type { Recorded } from "../wire/interceptor.ts";
import { REPORT_ERROR } from "../wire/paths.ts";
import type { ProxySide } from "./case.ts";
import { ExpectationError } from "./expectation.ts";

/** The time after a case in which no further call may begin, in milliseconds, as in Cloudstate. */
const QUIET_MS = 10;

/** Services that cases are about. */
const MODELS: readonly string[] = [
  file_cloudstate_tck_model_action,
  file_cloudstate_tck_model_eventsourced,
  file_cloudstate_tck_model_valueentity,
].flatMap(({ services }) => services.map(({ typeName }) => typeName));

/**
 * Checks that nothing passed between a proxy and its user function except what a case expected. Unexpected calls are
 * taken, so that the next case begins without them. Reports about services that no case uses, for example that the
 * proxy does not serve them, may come at any time.
 *
 * @throws ExpectationError
 */
export async function expectNothingMore({ interceptor, proxy, spec, withinMs }: ProxySide): Promise<void> {
  await delay(QUIET_MS);
  proxy.reset();
  const others = spec.entities
    .map(({ serviceName }) => serviceName)
    .filter((service) => !MODELS.includes(service));
  const calls = interceptor.takeUnclaimed();
  for (const call of calls) if (call.path === REPORT_ERROR) await untilSaid(call, withinMs);
  const isOfOthers = (call: Recorded): boolean =>
    call.path === REPORT_ERROR && others.some((service) => describeCall(call).includes(service));
  const more = calls.filter((call) => !isOfOthers(call));
  if (more.length === 0) return;
  throw new ExpectationError("calls that nothing called for", "none", more.map(describeCall).join("\n"));
}

/** Waits for the first message of a call, because a call is recorded when it begins and its message comes later. */
async function untilSaid({ fromProxy }: Recorded, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (fromProxy.unread.length === 0 && performance.now() < endMs) await delay(1);
}

/** The path of a call, and, of a report, its text. */
export function describeCall({ path, fromProxy }: Recorded): string {
  const [first] = fromProxy.unread;
  if (path !== REPORT_ERROR || first === undefined) return path;
  return `${path}: ${fromBinary(UserFunctionErrorSchema, first).message}`;
}
