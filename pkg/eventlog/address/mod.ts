// SPDX-License-Identifier: Apache-2.0

/**
 * Addresses of logs, for those who do not open the log: nothing here loads a log, SQLite or NATS's client.
 *
 *     parseEventLogAddress("sqlite:.perdure/log.db") // { kind: "sqlite", path: ".perdure/log.db" }
 *     shownAddress("nats://me:secret@localhost/shop") // "nats://…@localhost/shop"
 */

export { EventLogError } from "../event-log.ts";
export { isElsewhere, parseEventLogAddress, shownAddress } from "./log-address.ts";
