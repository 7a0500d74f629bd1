// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { NatsError } from "./nats-error.ts";
import { checkServer } from "./server-check.ts";

test("a server below 2.12 is refused with the version to install", (t) => {
  for (const version of ["2.11.9", "2.9.10", "1.99.0", "nonsense", ""]) {
    const old = t.throws(() => checkServer("h:4222", { version, jetstream: true }), {
      instanceOf: NatsError,
    });
    t.is(old.code, "NATS_UNFIT_SERVER");
    t.regex(old.message, /too old: install 2\.12 or newer/);
  }
  for (const version of ["2.12.0", "2.12.0-RC.1", "2.14.5", "3.0.0", "v2.15.0-dev"]) {
    t.notThrows(() => checkServer("h:4222", { version, jetstream: true }));
  }
  t.throws(() => checkServer("h:4222", { version: "2.14.5" }), { message: /start nats-server with -js/ });
});
