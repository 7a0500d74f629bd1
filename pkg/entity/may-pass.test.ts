// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EventLogCode } from "../eventlog/mod.ts";
import { EventLogError } from "../eventlog/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";

import { commandFailed } from "./failure.ts";
import { mayPass } from "./may-pass.ts";
import { EntityStreamError, entityError } from "./stateful/entity-error.ts";
import { EVENT_SOURCED_TEXTS } from "./stateful/event-sourced.ts";
import { logFailure } from "./stateful/report-failure.ts";
import { VALUE_TEXTS } from "./stateful/value.ts";

const ofLog = (code: EventLogCode): StatusError =>
  logFailure(new EventLogError(code, "?"), "cart/ann", () => "position 1");

test("what nobody has answered may be sent again", (t) => {
  for (const { termination, waiting } of [EVENT_SOURCED_TEXTS, VALUE_TEXTS]) {
    t.true(mayPass(new EntityStreamError("unanswered", termination)));
    t.true(mayPass(new EntityStreamError("unanswered", waiting)));
  }
  const codes: EventLogCode[] = [
    "APPEND_CONFLICT",
    "OUTCOME_UNKNOWN",
    "LOG_FULL",
    "LOG_UNAVAILABLE",
    "LOG_CORRUPT",
  ];
  for (const code of codes) t.true(mayPass(ofLog(code)), code);
  t.true(mayPass(entityError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", "?")));
  t.true(mayPass(entityError(Status.RESOURCE_EXHAUSTED, "MAILBOX_FULL", "?")));
  t.true(mayPass(new StatusError(Status.UNAVAILABLE, "CONNECTION_LOST", "?")));
});

test("what was answered, or will always be refused, need not be", (t) => {
  for (const grpcStatus of Object.values(Status)) {
    t.false(mayPass(commandFailed({ description: "no", grpcStatus }, new Set(["failures"]))));
  }
  t.false(mayPass(new EntityStreamError("violated", EVENT_SOURCED_TEXTS.failure)));
  t.false(mayPass(new EntityStreamError("violated", EVENT_SOURCED_TEXTS.reply)));
  t.false(mayPass(ofLog("RECORD_TOO_LARGE")));
  t.false(mayPass(entityError(Status.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", "?")));
  t.false(mayPass(new StatusError(Status.INVALID_ARGUMENT, "ENTITY_KEY_MISSING", "?")));
  t.false(mayPass(new StatusError(Status.INTERNAL, "BAD_TARGET", "?")));
});
