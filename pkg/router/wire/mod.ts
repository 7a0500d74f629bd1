// SPDX-License-Identifier: Apache-2.0

/**
 * Commands between proxies, as bytes (ADR 24). It is behind a door of its own, because a proxy that is alone loads none
 * of it.
 *
 *     const handle = peerCommands(router, telemetry); // For `ForwardOwner`.
 *     const peers = wirePeers(new ForwardCaller({ … })); // For `EntityServices`.
 */

export { peerCommands } from "./peer-commands.ts";
export { wirePeers } from "./wire-peers.ts";
