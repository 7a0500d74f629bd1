// SPDX-License-Identifier: Apache-2.0

export type { RouterDependencies, RouterOptions } from "./carrier.ts";
export type { Command, CommandReply, Dispatch, StreamedCommand } from "./command.ts";
export { Router } from "./router.ts";
export type { RouterErrorCode } from "./router-error.ts";
