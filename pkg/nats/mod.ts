// SPDX-License-Identifier: Apache-2.0

/**
 * Connections to NATS and requests over them, for every part that needs NATS. Nothing here knows of streams or logs.
 * Addresses are behind a door of their own, `address/mod.ts`, because this one loads NATS's client.
 *
 *     const target = { server: "127.0.0.1:4222", name: "perdure shop cluster", purpose: "cluster" };
 *     const link = await connectNats(target, options);
 *     checkServer(target.server, link.connection.info);
 *     const receive = (message: Msg) => message.json<number>();
 *     const load = await link.ask({ subject: "shop.load.pod-1", payload: "", receive });
 *     await link.close();
 */

export { missingPermission, natsErrorOf } from "./client-error.ts";
export { connectNats } from "./connect.ts";
export type { NatsLink, NatsRequest, Question } from "./link.ts";
export type { NatsCode } from "./nats-error.ts";
export { NatsError } from "./nats-error.ts";
export { isNoResponder } from "./no-responder.ts";
export type { NatsCredentials, NatsOptions, NatsTls } from "./options.ts";
export { checkServer, isVersionBefore } from "./server-check.ts";
