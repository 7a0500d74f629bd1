// SPDX-License-Identifier: Apache-2.0

export type { Actions } from "./action-services.ts";
export { actionServices } from "./action-services.ts";
export type { Command, CommandReply, Dispatch, StreamedCommand } from "./command.ts";
export type { EntityServicesDependencies, OwnEntities } from "./entity-services.ts";
export { EntityServices } from "./entity-services.ts";
export type { Peers, Settlement, WireCommand } from "./peers.ts";
export { NO_PEERS } from "./peers.ts";
export type { RouterDependencies, RouterOptions } from "./router.ts";
export { Router } from "./router.ts";
export type { RouterErrorCode } from "./router-error.ts";
export { noReply } from "./router-error.ts";
export type { ServiceRuntime } from "./service-runtime.ts";
export { ServiceRuntimes } from "./service-runtimes.ts";
export { tracedDispatch } from "./traced-dispatch.ts";
