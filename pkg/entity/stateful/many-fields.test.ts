// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import {
  CommitSchema,
  countFields,
  EventSourcedStreamOutSchema,
  ValueEntityStreamOutSchema,
} from "../../protocol/mod.ts";

import { EventSourcedReplySchema } from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { ValueEntityReplySchema } from "../../protocol/gen/cloudstate/value_entity_pb.ts";
import { any, KEY, reply, world } from "../testdata/world.ts";

const MAX_FIELDS = 40_000;
const options = { maxMessageFields: MAX_FIELDS };

/** One field of a message with these bytes; several of them are several values. */
const field = (number: number, bytes: Uint8Array): Buffer => {
  const length = bytes.length;
  return Buffer.concat([
    Buffer.of(8 * number + 2, 0x80 | (length & 0x7f), 0x80 | ((length >> 7) & 0x7f), length >> 14),
    bytes,
  ]);
};
const empty = (number: number, count: number): Buffer =>
  Buffer.alloc(2 * count, Buffer.of(8 * number + 2, 0));

/** `REPLY` is the same number in the `StreamOut` of both kinds of entities. */
const REPLY = EventSourcedStreamOutSchema.field.reply.number;
const EVENTS = EventSourcedReplySchema.field.events.number;
const UNKNOWN = 15;
/** `SideEffect.metadata`, `Metadata.entries` */
const [METADATA, ENTRIES] = [5, 1];

/** What is appended to a reply that is right. */
const FLOODS: Readonly<Record<string, (effects: number, count: number) => Buffer>> = {
  events: (_, count) => empty(EVENTS, count),
  "side effects": (effects, count) => empty(effects, count),
  "unknown fields": (_, count) => empty(UNKNOWN, count),
  "metadata of a side effect": (effects, count) => field(effects, field(METADATA, empty(ENTRIES, count))),
};

function eventSourced(id: bigint, flood: string, count: number): Buffer {
  const right = toBinary(EventSourcedStreamOutSchema, create(EventSourcedStreamOutSchema, reply(id)));
  const more = FLOODS[flood]?.(EventSourcedReplySchema.field.sideEffects.number, count) ?? Buffer.alloc(0);
  // A message that comes twice is merged.
  return Buffer.concat([right, field(REPLY, more)]);
}

function value(id: bigint, flood: string, count: number): Buffer {
  const right = create(ValueEntityStreamOutSchema, {
    message: {
      case: "reply",
      value: { commandId: id, clientAction: { action: { case: "reply", value: { payload: any("ok") } } } },
    },
  });
  const more = FLOODS[flood]?.(ValueEntityReplySchema.field.sideEffects.number, count) ?? Buffer.alloc(0);
  return Buffer.concat([toBinary(ValueEntityStreamOutSchema, right), field(REPLY, more)]);
}

/** Starts an entity of this kind, whose user function answers with this flood. */
const worlds = {
  "event sourced": (t: ExecutionContext, answer: (id: bigint) => { flood: string; count: number }) =>
    world(
      t,
      ({ message }, stream) => {
        if (message.case !== "command") return;
        const { flood, count } = answer(message.value.id);
        stream.sendBytes(eventSourced(message.value.id, flood, count));
      },
      { options },
    ),
  value: (t: ExecutionContext, answer: (id: bigint) => { flood: string; count: number }) =>
    world(t, undefined, {
      options,
      onValueMessage: ({ message }, stream) => {
        if (message.case !== "command") return;
        const { flood, count } = answer(message.value.id);
        stream.sendBytes(value(message.value.id, flood, count));
      },
    }),
} as const;

for (const [kind, open] of Object.entries(worlds)) {
  for (const flood of Object.keys(FLOODS)) {
    if (kind === "value" && flood === "events") continue;
    test(`(I11) ${kind}: a reply with too many ${flood} breaks the stream, the user function is told, and the entity is read again`, async (t) => {
      let count = MAX_FIELDS;
      const { send, log, reports } = await open(t, () => ({ flood, count }));
      await t.throwsAsync(send("a"), { code: "ENTITY_STREAM_BROKEN" });
      t.regex(
        reports[0] ?? "",
        /entity a: Unexpected .*: a cloudstate\..*StreamOut message has more than 40000 fields/,
      );
      t.is((await log.read(KEY)).records.length, 0, "nothing is stored");
      count = 0;
      t.is(await send("a"), "ok");
    });
  }
}

test("(I11) what is stored of a reply with as many fields as it may have has not many more than that", async (t) => {
  const count = MAX_FIELDS - 20;
  const { send, log, reports } = await worlds["event sourced"](t, () => ({ flood: "events", count }));
  t.is(await send("a"), "ok");
  const [record] = (await log.read(KEY)).records;
  const fields = countFields(CommitSchema, record?.bytes ?? new Uint8Array(0), Number.POSITIVE_INFINITY);
  t.true(fields >= count && fields <= MAX_FIELDS + 20, `${fields}`);
  t.deepEqual(reports, []);
});
