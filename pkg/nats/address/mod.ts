// SPDX-License-Identifier: Apache-2.0

/**
 * Addresses of NATS, for those who do not connect: nothing here loads NATS's client.
 *
 *     parseNatsAddress("tls://me:pw@a:4222,b/shop").server // "a:4222,b:4222"
 */

export { NatsError } from "../nats-error.ts";
export type { NatsAddress } from "./nats-address.ts";
export { parseNatsAddress } from "./nats-address.ts";
