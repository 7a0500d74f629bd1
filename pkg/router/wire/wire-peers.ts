// SPDX-License-Identifier: Apache-2.0

import type { ForwardRequest } from "../../cluster/forward/mod.ts";
import type { PeerId } from "../../cluster/mod.ts";

import type { Peers } from "../peers.ts";
import { readSettlement } from "./answer-codec.ts";
import { writeCommand } from "./command-codec.ts";

/** Sends bytes to another proxy and gives its answer: a `ForwardCaller`. @throws StatusError, and nothing else. */
export interface RequestSender {
  call(peer: PeerId, request: ForwardRequest): Promise<Uint8Array>;
}

/**
 * The other proxies, as the router asks them. `isUndelivered` says of an error whether the command may be sent again.
 *
 * The answer has come when it is counted, so it is taken from the memory of the call's caller even beyond its share.
 */
export function wirePeers(sender: RequestSender): Peers {
  return {
    async call(peer, command, call) {
      const bytes = writeCommand(command, call);
      const { deadlineMs } = call;
      const answer = await sender.call(peer, {
        bytes,
        deadlineMs,
        onCancel: (listener) => call.onCancel(listener),
      });
      const settlement = readSettlement(answer);
      if (settlement.kind === "reply") call.bytes.overdraw(settlement.payload.length);
      return settlement;
    },
  };
}
