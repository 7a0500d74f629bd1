// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import { UserFunctionErrorSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { Recorded } from "../wire/interceptor.ts";
import { REPORT_ERROR } from "../wire/paths.ts";

import type { ProxySide } from "./case.ts";
import { ExpectationError } from "./expectation.ts";

/** How long after a case nothing may begin, as in Cloudstate. */
const QUIET_MS = 10;

/**
 * Between a proxy and its user function nothing may happen but what a case expects. Takes what did, so that the next case
 * begins without it.
 *
 * @throws ExpectationError
 */
export async function expectNothingMore({ interceptor, proxy }: ProxySide): Promise<void> {
  await delay(QUIET_MS);
  proxy.reset();
  const more = interceptor.takeUnclaimed();
  if (more.length === 0) return;
  throw new ExpectationError("calls that nothing called for", "none", more.map(describeCall).join("\n"));
}

/** The path of a call, and, of a report, its text. */
export function describeCall({ path, fromProxy }: Recorded): string {
  const [first] = fromProxy.unread;
  if (path !== REPORT_ERROR || first === undefined) return path;
  return `${path}: ${fromBinary(UserFunctionErrorSchema, first).message}`;
}
