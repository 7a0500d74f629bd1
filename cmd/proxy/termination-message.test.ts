// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { EventLogError } from "../../pkg/eventlog/mod.ts";

import { terminationMessage } from "./termination-message.ts";

test("a message has the text, its causes and the code", (t) => {
  const cause = new Error("connect ECONNREFUSED");
  const error = new EventLogError("LOG_UNAVAILABLE", "no NATS server answers there", { cause });
  t.is(terminationMessage(error), "no NATS server answers there: connect ECONNREFUSED (LOG_UNAVAILABLE)");
  t.is(terminationMessage(new Error("a bug")), "a bug");
  t.is(terminationMessage("thrown"), "thrown");
});

test("a long message is cut to what Kubernetes keeps, between two characters, and keeps its code", (t) => {
  for (const letter of ["x", "ß", "€", "😀"]) {
    for (const before of ["", "a", "ab", "abc"]) {
      const message = terminationMessage(new EventLogError("LOG_UNUSABLE", before + letter.repeat(10_000)));
      const bytes = Buffer.byteLength(message);
      t.true(bytes <= 4_096 && bytes > 4_096 - 4, `${bytes} bytes`);
      t.regex(message, new RegExp(`^${before}(?:${letter})+… \\(LOG_UNUSABLE\\)$`, "u"));
    }
  }
});
