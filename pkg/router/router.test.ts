// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { silentLogger } from "../base/mod.ts";
import type { EntityCommand, EntityReply } from "../entity/mod.ts";
import { EventSourced, NO_METADATA } from "../protocol/mod.ts";
import { validateSpec } from "../userfunction/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import { createRouter } from "./router.ts";

function method(): EntityMethod {
  const validation = validateSpec(counterSpec(), [EventSourced.typeName]);
  const found = validation.ok ? validation.spec.services.get(COUNTER_SERVICE)?.methods.get("Add") : undefined;
  if (found?.kind !== "event-sourced") throw new Error("no method");
  return found;
}

/** A router in front of entities that answer with `typeUrl`, and what they were given. */
function start(typeUrl = `type.googleapis.com/${COUNTER_REQUEST}`) {
  const given: EntityCommand[] = [];
  const reports: string[] = [];
  const router = createRouter({
    entities: {
      dispatch: (command): Promise<EntityReply> => {
        given.push(command);
        return Promise.resolve({ typeUrl, payload: Buffer.from("reply") });
      },
    },
    logger: silentLogger,
    reportError: (message) => reports.push(message),
    maxEntityIdLength: 8,
  });
  const send = (payload: Uint8Array) =>
    router.unary({
      method: method(),
      payload,
      metadata: NO_METADATA,
      idempotencyKey: undefined,
      deadlineMs: 5,
      onCancel: () => undefined,
    });
  return { send, given, reports };
}

test("the entity is found by its key, and the payload goes on as it came", async (t) => {
  const { send, given } = start();
  const payload = counterRequest("ann", 3);
  const reply = await send(payload);
  t.is(Buffer.from(reply.payload).toString(), "reply");
  t.like(given[0], { entityId: "ann", payload, deadlineMs: 5 });
});

test("a request that names no entity, or none that may be, is refused with a code", async (t) => {
  const { send, given } = start();
  await t.throwsAsync(send(new Uint8Array(0)), { code: "ENTITY_KEY_MISSING" });
  await t.throwsAsync(send(counterRequest("")), { code: "ENTITY_KEY_MISSING" });
  await t.throwsAsync(send(Buffer.from([0x0a, 0x7f, 0x41])), { code: "MALFORMED_MESSAGE" });
  await t.throwsAsync(send(counterRequest("123456789")), {
    code: "ENTITY_ID_TOO_LONG",
    message: /9 characters, 8 are/,
  });
  t.deepEqual(given, []);
});

test("a reply of the wrong type is delivered and reported", async (t) => {
  const { send, reports } = start("type.googleapis.com/other.Type");
  t.is(Buffer.from((await send(counterRequest("a"))).payload).toString(), "reply");
  t.deepEqual(reports, [
    "perdure.test.Counter.Add answered type.googleapis.com/other.Type, but type.googleapis.com/perdure.test.Request is declared",
  ]);
});
