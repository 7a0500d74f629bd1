// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { CallContext } from "../../call/mod.ts";
import { callerlessCall } from "../../call/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { EventSourced, metadataMessage, NO_METADATA } from "../../protocol/mod.ts";

import { plenty } from "../../../test/lib/plenty.ts";
import type { EntityCommand } from "../command.ts";
import { CALLERS_LINEAGE } from "../lineage.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { any, counterService } from "../testdata/world.ts";
import { KeptReplies } from "./kept-replies.ts";
import { answerToRepeat, keptReplyOf } from "./repeat.ts";
import type { GivenAction } from "./verdict.ts";

const { methods } = counterService(EventSourced.typeName);

function command(ofCall: Partial<CallContext> = {}, changes: Partial<EntityCommand> = {}): EntityCommand {
  const method = methods.get("Add");
  if (method === undefined) throw new Error("no method");
  const call = { ...callerlessCall(plenty().charge(), NO_METADATA, "k"), ...ofCall };
  return {
    method,
    entityId: "a",
    shard: 0,
    payload: Buffer.from("p"),
    lineage: CALLERS_LINEAGE,
    call,
    ...changes,
  };
}

function keptAfter(action: GivenAction): KeptReplies {
  const kept = new KeptReplies(DEFAULT_ENTITY_OPTIONS);
  const reply = keptReplyOf(command(), action);
  if (reply !== undefined) kept.add(reply);
  return kept;
}

test("a repeat gets the reply with its metadata", (t) => {
  const metadata = [
    { key: "a", value: "b" },
    { key: "c-bin", value: Buffer.from([0, 255]) },
  ];
  const kept = keptAfter({
    case: "reply",
    value: { $typeName: "cloudstate.Reply", payload: any("r"), metadata: metadataMessage(metadata) },
  });
  const answer = answerToRepeat(kept, command());
  if (answer?.ok !== true || answer.outcome.kind !== "reply") return t.fail();
  t.is(Buffer.from(answer.outcome.payload).toString(), "r");
  t.is(answer.outcome.typeUrl, any("r").typeUrl);
  t.deepEqual(
    answer.outcome.metadata.map(({ key, value }) => [key, Buffer.from(value).toString("hex")]),
    [
      ["a", "62"],
      ["c-bin", "00ff"],
    ],
  );
});

test("a repeat of a command that was forwarded is forwarded again", (t) => {
  const call = { serviceName: "shop.Stock", commandName: "Take", payload: any("x") };
  const kept = keptAfter({ case: "forward", value: { $typeName: "cloudstate.Forward", ...call } });
  const { serviceName, commandName } = call;
  t.like(answerToRepeat(kept, command()), {
    ok: true,
    outcome: { kind: "forward", call: { serviceName, commandName, typeUrl: any("x").typeUrl } },
  });
});

test("a repeat of a command that had no answer has none either", (t) => {
  t.like(answerToRepeat(keptAfter(undefined), command()), { ok: true, outcome: { kind: "nothing" } });
});

test("a repeat of a command that was refused for good is refused in the same words", (t) => {
  const value = {
    $typeName: "cloudstate.Failure" as const,
    commandId: 7n,
    description: "no such cart",
    restart: true,
    grpcStatus: Status.NOT_FOUND,
  };
  t.like(answerToRepeat(keptAfter({ case: "failure", value }), command()), {
    ok: false,
    error: { status: Status.NOT_FOUND, code: "COMMAND_FAILED", message: "no such cart" },
  });
});

test("method and payload make a command, and nothing else does", (t) => {
  const kept = keptAfter(undefined);
  const reused = { ok: false, error: { code: "IDEMPOTENCY_KEY_REUSED", status: Status.ALREADY_EXISTS } };
  const other = methods.get("Get");
  t.like(answerToRepeat(kept, command({}, { payload: Buffer.from("q") })), reused);
  t.like(answerToRepeat(kept, command({}, other && { method: other })), reused);
  t.like(answerToRepeat(kept, command({ deadlineMs: 7 })), { ok: true, outcome: { kind: "nothing" } });
});

test("a command without a key, or with one that nobody used, is carried out", (t) => {
  const kept = keptAfter(undefined);
  t.is(keptReplyOf(command({ idempotencyKey: undefined }), undefined), undefined);
  t.is(answerToRepeat(kept, command({ idempotencyKey: undefined })), undefined);
  t.is(answerToRepeat(kept, command({ idempotencyKey: "other" })), undefined);
  t.is(answerToRepeat(undefined, command()), undefined);
});
