// SPDX-License-Identifier: Apache-2.0

import { grpcCaller } from "../../../test/lib/grpc-caller.ts";
import type { LoadCall } from "./job.ts";
import { grpcPath, messageOf } from "./requests.ts";

/** An entity that is not measured. */
const PROBED_ENTITY = 1_000_000_000;

/**
 * Makes one call with grpc-js, which checks the whole response. The lean client does not, and must only make calls
 * that this probe has seen succeed. Rejects with how the call failed.
 */
export async function probe(port: number, call: LoadCall): Promise<void> {
  const caller = grpcCaller(port);
  try {
    await caller.callBytes(grpcPath(call), messageOf(call, PROBED_ENTITY));
  } finally {
    caller.close();
  }
}
