// SPDX-License-Identifier: Apache-2.0

export type { Command, CommandReply, Dispatch, StreamedCommand } from "./command.ts";
export { createRouter } from "./router.ts";
export type { RouterDependencies } from "./router.ts";
