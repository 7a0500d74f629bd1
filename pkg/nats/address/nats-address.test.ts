// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { NatsError } from "../nats-error.ts";
import { parseNatsAddress } from "./nats-address.ts";

test("an address has servers, a prefix, TLS or none, and credentials", (t) => {
  t.deepEqual(parseNatsAddress("tls://me:pw@a:4333,b/shop"), {
    server: "a:4333,b:4222",
    prefix: "shop",
    isTls: true,
    credentials: { kind: "password", user: "me", password: "pw" },
  });
});

test("the text of a refusal shows nothing of the address", (t) => {
  for (const address of [
    "nats://secret@",
    "nats://secret:%ff@h",
    "nats://secret@h/a.b",
    "nats://secret@h?x",
  ]) {
    const error = t.throws(() => parseNatsAddress(address), { instanceOf: NatsError });
    t.is(error.code, "NATS_BAD_ADDRESS");
    t.notRegex(error.message, /secret/);
  }
});
