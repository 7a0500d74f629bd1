// SPDX-License-Identifier: Apache-2.0
//
// The form in which a caller gets an error, for each protocol.

import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import { CallError, connect, Status, StatusError } from "../grpc/mod.ts";
import { ErrorInfoSchema, StatusSchema } from "../protocol/mod.ts";

import type { HttpReply } from "./testdata/http-clients.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { runEndpoint, spec } from "./testdata/running-endpoint.ts";
import { refusal } from "./testdata/web-sockets.ts";

const BOOK = "/perdure.test.library.Library/GetBook";
const JSON_FORM = { accept: "application/json" };

const refused = async (): Promise<never> => {
  throw new StatusError(Status.FAILED_PRECONDITION, "COMMAND_FAILED", 'the shelf is "full" – ä');
};

function status(code: number, reason: string, message: string): object {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "perdure.dev" };
  return { code, message, details: [info] };
}

async function read({ status: httpStatus, headers, body }: HttpReply) {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { "content-type": type, "content-length": length, vary, "perdure-error-code": code } = headers;
  return { httpStatus, type, length: Number(length), vary, code, text };
}

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: a failure is a status as JSON for who likes JSON, and a text for who likes text`, async (t) => {
    const endpoint = await runEndpoint(t, refused);
    const json = await read(await send(endpoint.port, { path: "/books/1", headers: JSON_FORM }));
    t.like(json, { httpStatus: 400, type: "application/json", code: "COMMAND_FAILED", vary: "accept" });
    t.is(json.length, Buffer.byteLength(json.text));
    t.deepEqual(JSON.parse(json.text), status(9, "COMMAND_FAILED", 'the shelf is "full" – ä'));
    const text = await read(
      await send(endpoint.port, { path: "/books/1", headers: { accept: "text/plain" } }),
    );
    const type = "text/plain; charset=utf-8";
    t.like(text, { httpStatus: 400, type, code: "COMMAND_FAILED", text: 'the shelf is "full" – ä' });
    t.deepEqual(await read(await send(endpoint.port, { path: "/books/1" })), text);
  });

  test(`${version}: the port's own refusals have the status of gRPC that theirs of HTTP means`, async (t) => {
    const endpoint = await runEndpoint(t);
    const post = { method: "POST", path: "/perdure.test.library.Plain/Echo" };
    const json = { ...JSON_FORM, "content-type": "application/json" };
    const told = async (call: Parameters<typeof send>[1]) => {
      const { httpStatus, text } = await read(await send(endpoint.port, call));
      const { code, details } = JSON.parse(text) as { code: number; details: { reason: string }[] };
      return [httpStatus, code, details[0]?.reason];
    };
    t.deepEqual(await told({ path: "/nowhere", headers: JSON_FORM }), [404, 5, "UNKNOWN_PATH"]);
    t.deepEqual(await told({ ...post, headers: json, body: "{" }), [400, 3, "MALFORMED_JSON"]);
    endpoint.setSpec(undefined);
    t.deepEqual(await told({ path: "/books/1", headers: JSON_FORM }), [503, 14, "USER_FUNCTION_UNAVAILABLE"]);
    endpoint.setSpec(spec);
  });

  test(`${version}: who asks for events gets a status that is JSON before the first of them`, async (t) => {
    const endpoint = await runEndpoint(t, refused);
    const headers = { accept: "text/event-stream" };
    const { type, text } = await read(await send(endpoint.port, { path: "/books/1", headers }));
    t.is(type, "application/json");
    t.like(JSON.parse(text), { code: 9 });
  });
}

test("a WebSocket is refused in the form that its caller likes", async (t) => {
  const { port } = await runEndpoint(t);
  const { text } = await refusal(t, port, "Nothing", { headers: JSON_FORM });
  t.like(JSON.parse(text), { code: 5, details: [{ reason: "UNKNOWN_PATH" }] });
  t.regex((await refusal(t, port, "Nothing")).text, /^no method is served under this path/);
});

test("gRPC: the code is a detail of the status too, where programs look for one; a long text goes without", async (t) => {
  let text = "no ä";
  const endpoint = await runEndpoint(t, async () => {
    throw new StatusError(Status.FAILED_PRECONDITION, "COMMAND_FAILED", text);
  });
  const connection = await connect({ host: "127.0.0.1", port: endpoint.port, clock: systemClock });
  t.teardown(() => connection.destroy());
  const fail = async (): Promise<CallError> => {
    const error = await t.throwsAsync<CallError>(connection.unary(BOOK, new Uint8Array(0)));
    t.true(error instanceof CallError);
    return error;
  };
  const error = await fail();
  t.like(error, { status: Status.FAILED_PRECONDITION, code: "COMMAND_FAILED", message: text });
  const bytes = error.trailers.get("grpc-status-details-bin") as Uint8Array;
  const { code, message, details } = fromBinary(StatusSchema, bytes);
  t.deepEqual([code, message, details.length], [9, text, 1]);
  const info = details[0] && anyUnpack(details[0], ErrorInfoSchema);
  t.like(info, { reason: "COMMAND_FAILED", domain: "perdure.dev" });
  text = "ä".repeat(513);
  t.is((await fail()).trailers.get("grpc-status-details-bin"), undefined);
  t.is((await fail()).message, text);
});
