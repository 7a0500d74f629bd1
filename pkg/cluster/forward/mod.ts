// SPDX-License-Identifier: Apache-2.0

/**
 * Requests and answers of bytes between proxies over NATS. It is behind a door of its own, because it loads NATS's
 * client.
 *
 *     const owner = await ForwardOwner.open({ ...shared, self: "shop-1.k3", telemetry, handle });
 *     const caller = new ForwardCaller({ ...shared, onNoResponder: (peer) => suspect(peer) });
 *     const answer = await caller.call("shop-1.k3", { bytes, deadlineMs, onCancel });
 *     caller.gone("shop-2.x9"); // The cluster knows that this member will not answer.
 */

export type { ForwardRequest } from "./caller.ts";
export { ForwardCaller } from "./caller.ts";
export { MeteredSender } from "./metered-sender.ts";
export { DEFAULT_FORWARD_OPTIONS, forwardOptions } from "./options.ts";
export type { ForwardedRequest } from "./owner.ts";
export { ForwardOwner } from "./owner.ts";
