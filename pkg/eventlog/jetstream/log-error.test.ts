// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { NatsCode } from "../../nats/mod.ts";
import { NatsError } from "../../nats/mod.ts";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { PublishFailure } from "./api-error.ts";
import { failedPublish, logError, openError } from "./log-error.ts";

type Row = readonly [read: EventLogCode, publish: PublishFailure["kind"], write: EventLogCode];

const ROWS: Readonly<Record<NatsCode, Row>> = {
  NATS_UNREACHABLE: ["LOG_UNAVAILABLE", "busy", "LOG_UNAVAILABLE"],
  NATS_UNAUTHORIZED: ["LOG_UNUSABLE", "refused", "LOG_UNUSABLE"],
  NATS_BAD_TLS: ["LOG_UNUSABLE", "refused", "LOG_UNUSABLE"],
  NATS_BAD_FILE: ["LOG_UNUSABLE", "refused", "LOG_UNUSABLE"],
  NATS_BAD_ADDRESS: ["LOG_BAD_ADDRESS", "refused", "LOG_BAD_ADDRESS"],
  NATS_UNFIT_SERVER: ["LOG_UNUSABLE", "refused", "LOG_UNUSABLE"],
  NATS_NOT_CONNECTED: ["LOG_UNAVAILABLE", "busy", "LOG_UNAVAILABLE"],
  NATS_NOT_SENT: ["LOG_UNAVAILABLE", "refused", "LOG_UNAVAILABLE"],
  NATS_MAY_NOT_PUBLISH: ["LOG_UNUSABLE", "refused", "LOG_UNUSABLE"],
  NATS_MAY_NOT_SUBSCRIBE: ["LOG_UNUSABLE", "unanswered", "OUTCOME_UNKNOWN"],
  NATS_NO_RESPONDERS: ["LOG_UNAVAILABLE", "busy", "LOG_UNAVAILABLE"],
  NATS_NO_ANSWER: ["LOG_UNAVAILABLE", "unanswered", "OUTCOME_UNKNOWN"],
  NATS_FAILED: ["LOG_UNAVAILABLE", "unanswered", "OUTCOME_UNKNOWN"],
};

for (const [code, [read, publish, write]] of Object.entries(ROWS)) {
  test(`(6, I5) ${code} is ${read} for a read and ${write} for a write`, (t) => {
    const error = new NatsError(code as NatsCode, "why");
    t.is(logError(error, "cart/ann", "read").code, read);
    const failure = failedPublish(error, "cart/ann");
    t.is(failure.kind, publish);
    t.is(failure.error.code, write);
    t.true(failure.error.message.startsWith("cart/ann: "));
    t.is(failure.error.cause, error);
  });
}

test("what the server or a file is refused for keeps its text; other errors stay as they are", (t) => {
  const cause = new Error("ENOENT");
  const error = openError(new NatsError("NATS_BAD_FILE", "the file x cannot be read", { cause }));
  t.true(error instanceof EventLogError && error.code === "LOG_UNUSABLE");
  t.is(error.message, "the file x cannot be read");
  t.is(error.cause, cause);
  for (const other of [new EventLogError("LOG_FULL", "full"), new TypeError("a bug")]) {
    t.is(openError(other), other);
  }
});
