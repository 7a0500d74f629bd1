// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:http2";

import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../pkg/base/mod.ts";
import { checkHttpRules, startEndpoint } from "../pkg/endpoint/mod.ts";
import type { Command } from "../pkg/router/mod.ts";

import { compileRules, methodsOf } from "./http-rules/compile.ts";
import type { Exchange, Form, Outcome } from "./http-rules/rows.ts";
import { FORMS, REASONS } from "./http-rules/rows.ts";
import { ENDPOINT_PAGE, withRules } from "./http-rules.ts";

const spec = compileRules("Rules");
const { registry } = spec.descriptors;

test("docs/endpoint.md has the rules as they are served (else run: node hack/http-rules.ts)", (t) => {
  const page = readFileSync(ENDPOINT_PAGE, "utf8");
  t.is(page, withRules(page));
});

test("every method of the examples is in a table", (t) => {
  const shown = new Set(
    Object.values(FORMS)
      .flat()
      .map(({ method }) => method),
  );
  t.deepEqual(
    methodsOf(spec)
      .map(({ name }) => name)
      .filter((name) => !shown.has(name)),
    [],
  );
  t.deepEqual(checkHttpRules(spec), []);
});

test("every rule that is refused is refused for the reason that is shown", (t) => {
  const expected = Object.entries(REASONS).map(
    ([method, reason]) =>
      `google.api.http of perdure.rules.Refused.${method}: ${reason}; only this rule is not served`,
  );
  t.deepEqual(
    checkHttpRules(compileRules("Refused")).map(({ reason }) => reason),
    expected,
  );
});

interface World {
  readonly port: number;
  /** The last method that was called and the message that it got; undefined if none was. */
  readonly got: () => { readonly method: string; readonly message: JsonValue } | undefined;
}

/** Starts a public port whose methods answer with `reply`, or with their own request if there is no `reply`. */
async function start(t: ExecutionContext, reply: JsonValue | undefined): Promise<World> {
  let command: Command | undefined;
  const endpoint = await startEndpoint(
    { httpPort: 0, httpHost: "127.0.0.1" },
    {
      clock: systemClock,
      dispatch: {
        unary: async (dispatched) => {
          command = dispatched;
          const { output } = dispatched.method.desc;
          if (reply === undefined) return { payload: dispatched.payload, metadata: [] };
          return { payload: toBinary(output, fromJson(output, reply, { registry })), metadata: [] };
        },
        streamed: () => {
          throw new Error("no method has a stream");
        },
      },
    },
  );
  t.teardown(() => endpoint.close(0));
  endpoint.setSpec(spec);
  const got = () => {
    if (command === undefined) return undefined;
    const { input, name } = command.method.desc;
    return { method: name, message: toJson(input, fromBinary(input, command.payload), { registry }) };
  };
  return { port: endpoint.port, got };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type Send = (port: number, exchange: Exchange) => Promise<Answer>;

function headersOf({ body, contentType = "application/json" }: Exchange): Record<string, string> {
  // The length is set here, because Node's client sends none with methods that usually have no body.
  const length = String(Buffer.byteLength(body ?? ""));
  return body === undefined ? {} : { "content-type": contentType, "content-length": length };
}

const sendHttp1: Send = (port, exchange) =>
  new Promise((resolve, reject) => {
    const [method = "", path = ""] = exchange.line.split(" ");
    const options = { port, host: "127.0.0.1", method, path, headers: headersOf(exchange), agent: false };
    const sent = request(options, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("error", reject);
    sent.end(exchange.body);
  });

const sendHttp2: Send = (port, exchange) =>
  new Promise((resolve, reject) => {
    const [method = "", path = ""] = exchange.line.split(" ");
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const head = { ":method": method, ":path": path, ...headersOf(exchange) };
    const stream = session.request(head, { endStream: exchange.body === undefined });
    let answer = { status: 0, headers: {} };
    let body = "";
    stream.on("response", ({ ":status": status = 0, ...headers }) => (answer = { status, headers }));
    stream.on("data", (chunk: Buffer) => (body += chunk.toString()));
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve({ ...answer, body });
    });
    if (exchange.body !== undefined) stream.end(exchange.body);
  });

for (const [version, send] of Object.entries({ "HTTP/1.1": sendHttp1, "HTTP/2": sendHttp2 })) {
  for (const [about, forms] of Object.entries(FORMS)) {
    for (const form of forms) {
      form.exchanges.forEach((exchange, index) => {
        const { line, body, outcome } = exchange;
        const what = `${form.method} ${index + 1}: ${line} ${body ?? ""}`.trimEnd();
        test(`${version}: ${about}: ${what}: ${outcome.kind}`, async (t) => {
          const world = await start(t, outcome.kind === "answered" ? outcome.reply : undefined);
          check(t, form, outcome, await send(world.port, exchange), world);
        });
      });
    }
  }
}

function check(
  t: ExecutionContext,
  { method }: Form,
  outcome: Outcome,
  answer: Answer,
  { got }: World,
): void {
  const { status, headers, body } = answer;
  switch (outcome.kind) {
    case "served":
      t.is(status, 200, body);
      t.deepEqual(got(), { method, message: outcome.message });
      return;
    case "answered":
      t.is(got()?.method, method);
      t.deepEqual([status, headers["content-type"], body], [200, outcome.contentType, outcome.body]);
      return;
    case "refused":
      t.deepEqual([status, headers["perdure-error-code"]], [outcome.status, outcome.code], body);
      t.is(headers["allow"], outcome.allow);
      t.is(got(), undefined);
      return;
    case "options":
      t.deepEqual([status, headers["allow"], body], [200, outcome.allow, ""]);
      t.is(got(), undefined);
      return;
  }
}
