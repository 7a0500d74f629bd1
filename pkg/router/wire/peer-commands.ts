// SPDX-License-Identifier: Apache-2.0

import type { ForwardedRequest } from "../../cluster/forward/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import { traceReader } from "../../telemetry/mod.ts";

import type { Router } from "../router.ts";
import { toStatusError } from "../router-error.ts";
import { writeFailure, writeSettlement } from "./answer-codec.ts";
import { readCommand } from "./command-codec.ts";

/**
 * Has the commands of other proxies carried out, for a `ForwardOwner`: bytes in, bytes out. Never rejects, because
 * whatever fails is the answer (I12).
 */
export function peerCommands(
  router: Pick<Router, "fromPeer">,
  telemetry: Telemetry,
): (request: ForwardedRequest) => Promise<Uint8Array> {
  const readTrace = traceReader(telemetry);
  return async ({ bytes, deadlineMs, onCancel, charge }) => {
    try {
      const { command, call } = readCommand(bytes, readTrace);
      return writeSettlement(
        await router.fromPeer(command, { ...call, deadlineMs, onCancel, bytes: charge }),
      );
    } catch (thrown) {
      return writeFailure(toStatusError(thrown));
    }
  };
}
