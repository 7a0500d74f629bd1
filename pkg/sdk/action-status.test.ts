// SPDX-License-Identifier: Apache-2.0
//
// What gRPC carries beside the messages of an action: status and details, headers, trailers, and the caller's time.

import { fromBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Metadata as GrpcMetadata, ServiceError, StatusObject } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import test from "ava";

import { StatusSchema } from "../protocol/gen/google/rpc/status_pb.ts";
import type { AbortOptions, MetadataInit, StatusName } from "./mod.ts";
import {
  actionCommand,
  all,
  element,
  short,
  streamed,
  streamedIn,
  streamedOut,
  unary,
} from "./test-model/fake-action.ts";
import { Other, OtherRequestSchema, ResponseSchema } from "./test-model/gen/model_pb.ts";
import { served } from "./test-model/served.ts";
import { groups, reply } from "./test-model/wire.ts";

const command = actionCommand("Unary", groups());

const UNEXPECTED = "2 UNKNOWN: Unexpected failure: the log of the user function says why";

test("abort ends a call of any shape with its status and text; nothing of it is in the log", async (t) => {
  const {
    proxy: { client },
    lines,
  } = await served(t, {
    unary: (_message, { effect, abort }) => {
      effect(Other.method.call, { id: "lost" });
      return abort("NOT_FOUND", "no such book");
    },
    async streamedIn(messages, { abort }) {
      for await (const _message of messages) abort("OUT_OF_RANGE", "too far");
      return { message: "" };
    },
    *streamedOut(_message, { abort }) {
      yield { message: "a" };
      abort("ABORTED", "half \ud83d of it");
    },
    async *streamed(messages, { abort }) {
      for await (const _message of messages) yield { message: "b" };
      abort("CANCELLED", "");
    },
  });
  await t.throwsAsync(unary(client, command).answer, { message: "5 NOT_FOUND: no such book" });
  const { call, answer } = streamedIn(client);
  call.write(actionCommand("StreamedIn"));
  call.write(element(reply("a")));
  await t.throwsAsync(answer, { message: "11 OUT_OF_RANGE: too far" });
  const out = streamedOut(client, actionCommand("StreamedOut", groups()));
  const seen: unknown[] = [];
  await t.throwsAsync(
    (async () => {
      for await (const response of out) seen.push(short(response));
    })(),
    { message: "10 ABORTED: half \ufffd of it" },
  );
  t.is(seen.length, 1);
  const both = streamed(client);
  both.write(actionCommand("Streamed"));
  both.end(element(reply("a")));
  await t.throwsAsync(all(both), { message: /^1 CANCELLED/ });
  t.deepEqual(lines, []);
});

test("abort carries details, headers and trailers, texts and bytes", async (t) => {
  const detail = anyPack(OtherRequestSchema, { $typeName: "perdure.sdk.test.OtherRequest", id: "7" });
  const {
    proxy: { client },
  } = await served(t, {
    unary: (_message, { abort }) =>
      abort("FAILED_PRECONDITION", "not yet", {
        details: [detail],
        metadata: { "X-Head": ["1", "2"] },
        trailers: { "x-tail-bin": Uint8Array.of(0, 255) },
      }),
  });
  const { call, answer } = unary(client, command);
  const headers = new Promise<GrpcMetadata>((resolve) => call.once("metadata", resolve));
  const error = await t.throwsAsync<ServiceError>(answer);
  t.deepEqual((await headers).get("x-head").join(", "), "1, 2");
  t.deepEqual(error?.metadata.get("x-tail-bin"), [Buffer.from([0, 255])]);
  const [bytes] = error?.metadata.get("grpc-status-details-bin") ?? [];
  const { code, message, details } = fromBinary(StatusSchema, bytes as Buffer);
  t.deepEqual([code, message], [status.FAILED_PRECONDITION, "not yet"]);
  t.is(details[0] && anyUnpack(details[0], OtherRequestSchema)?.id, "7");
});

test("a handler that swallows the throw has aborted nevertheless, with the first status", async (t) => {
  const swallow = (abort: (status: StatusName, text: string) => never): void => {
    for (const name of ["NOT_FOUND", "INTERNAL"] as const) {
      try {
        abort(name, "gone");
      } catch {
        // As a careless handler does.
      }
    }
  };
  const {
    proxy: { client },
  } = await served(t, {
    unary: (_message, { abort }) => {
      swallow(abort);
      return { message: "fine" };
    },
    *streamedOut(_message, { abort }) {
      swallow(abort);
      yield { message: "fine" };
    },
  });
  await t.throwsAsync(unary(client, command).answer, { message: "5 NOT_FOUND: gone" });
  const out = streamedOut(client, actionCommand("StreamedOut", groups()));
  await t.throwsAsync(all(out), { message: "5 NOT_FOUND: gone" });
});

const misuses: readonly (readonly [what: string, args: readonly [string, AbortOptions?], text: RegExp])[] = [
  ["a status that is none", ["NOT_THERE"], /abort takes the name of a status .* not 'NOT_THERE'/],
  ["the status OK", ["OK"], /not 'OK'/],
  ["a number for a status", ["5"], /not '5'/],
  ["a header of gRPC's own", ["ABORTED", { metadata: { "grpc-status": "0" } }], /cannot carry 'grpc-status'/],
  ["a name that is no header's", ["ABORTED", { trailers: { "x y": "a" } }], /cannot carry 'x y'/],
  ["bytes under a name for texts", ["ABORTED", { trailers: { x: Buffer.alloc(1) } }], /cannot carry 'x'/],
  ["a text that is not ASCII", ["ABORTED", { metadata: { x: "ö" } }], /cannot carry 'x': 'ö'/],
];

for (const [what, [name, options], text] of misuses) {
  test(`abort refuses ${what}`, async (t) => {
    const {
      proxy: { client },
      lines,
    } = await served(t, {
      unary: (_message, { abort }) => abort(name as StatusName, "", options),
    });
    await t.throwsAsync(unary(client, command).answer, { message: UNEXPECTED });
    t.regex(lines[0] ?? "", text);
  });
}

test("finish carries headers and trailers of a stream that ends well, also of one without an answer", async (t) => {
  const {
    proxy: { client },
    lines,
  } = await served(t, {
    streamedOut(_message, { finish }) {
      finish({ trailers: { lost: "1" } });
      finish({ metadata: { "x-head": "1" }, trailers: { "X-Tail": ["1", "2"] } });
      return [];
    },
    async *streamed(messages, { finish, abort }) {
      finish({ trailers: { lost: "1" } });
      for await (const _message of messages) yield { message: "a" };
      abort("ABORTED", "no");
    },
    unary: (_message, { finish }) => {
      finish({});
      return { message: "" };
    },
  });
  const out = streamedOut(client, actionCommand("StreamedOut", groups()));
  const headers = new Promise<GrpcMetadata>((resolve) => out.once("metadata", resolve));
  const end = new Promise<StatusObject>((resolve) => out.once("status", resolve));
  t.deepEqual(await all(out), []);
  t.deepEqual((await headers).get("x-head"), ["1"]);
  t.is((await end).metadata.get("x-tail").join(", "), "1, 2");
  t.deepEqual((await end).metadata.get("lost"), []);
  const both = streamed(client);
  both.end(actionCommand("Streamed"));
  const error = await t.throwsAsync<ServiceError>(all(both), { message: "10 ABORTED: no" });
  t.deepEqual(error?.metadata.get("lost"), []);
  await t.throwsAsync(unary(client, command).answer);
  t.regex(lines[0] ?? "", /finish is for streams of answers/);
});

test("the trailers of a reply are entries of its metadata, under keys that no header can have", async (t) => {
  const trailers: MetadataInit = { "X-Tail": ["1", "2"], "x-tail-bin": Uint8Array.of(1) };
  const {
    proxy: { client },
  } = await served(t, {
    unary: (_message, context) =>
      context.reply(ResponseSchema, { message: "a" }, { metadata: { "x-head": "0" }, trailers }),
    streamedIn: (_messages, context) =>
      context.reply(ResponseSchema, { message: "a" }, { trailers: { "x y": "" } }),
  });
  const { response } = await unary(client, command).answer;
  const entries = response.case === "reply" ? response.value.metadata?.entries : undefined;
  t.deepEqual(
    entries?.map(({ key, value }) => [key, value.value]),
    [
      ["x-head", "0"],
      ["trailer:x-tail", "1"],
      ["trailer:x-tail", "2"],
      ["trailer:x-tail-bin", Buffer.from([1])],
    ],
  );
  const { call, answer } = streamedIn(client);
  call.end(actionCommand("StreamedIn"));
  await t.throwsAsync(answer, { message: UNEXPECTED });
});

test("the caller's time is that of its grpc-timeout, in milliseconds", async (t) => {
  const {
    proxy: { client },
  } = await served(t, {
    unary: (_message, { timeoutMs }) => ({ message: String(timeoutMs) }),
  });
  const times = {
    "3H": "10800000",
    "2M": "120000",
    "7S": "7000",
    "15m": "15",
    "250u": "0.25",
    "1s": "undefined",
  };
  for (const [given, expected] of Object.entries(times)) {
    const entry = { key: "grpc-timeout", value: { case: "stringValue", value: given } } as const;
    const timed = actionCommand("Unary", groups(), { metadata: { entries: [entry] } });
    const answer = short(await unary(client, timed).answer);
    t.like(answer, { reply: expected }, given);
  }
  const none = short(await unary(client, command).answer);
  t.like(none, { reply: "undefined" });
});
