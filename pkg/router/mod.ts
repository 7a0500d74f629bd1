// SPDX-License-Identifier: Apache-2.0

export type { Command, StreamedCommand } from "../entity/mod.ts";

export { actionServices } from "./action-services.ts";
export type { CommandReply, Dispatch } from "./dispatch.ts";
export type { OwnEntities } from "./entity-services.ts";
export { EntityServices } from "./entity-services.ts";
export { MAX_HOPS, pauseBeforeHop } from "./hops.ts";
export type { Peers, Settlement, WireCommand } from "./peers.ts";
export { NO_PEERS } from "./peers.ts";
export { Router } from "./router.ts";
export { noReply, tooManyFields } from "./router-error.ts";
export { ServiceRuntimes } from "./service-runtimes.ts";
export { tracedDispatch } from "./traced-dispatch.ts";
