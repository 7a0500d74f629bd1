// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:http2";
import { join } from "node:path";

import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../pkg/base/mod.ts";
import { checkHttpRules, startEndpoint } from "../pkg/endpoint/mod.ts";
import type { Command } from "../pkg/router/mod.ts";
import { NO_TELEMETRY } from "../pkg/telemetry/mod.ts";

import { compileRules, methodsOf } from "./http-rules/test-lib/compile.ts";
import type { Exchange, Outcome } from "./http-rules/test-lib/page.ts";
import { formsOfPage, messagesOfPage, refusalsOfPage } from "./http-rules/test-lib/page.ts";
import { ruleText } from "./http-rules/test-lib/rule-text.ts";

const spec = compileRules("Rules");
const { registry } = spec.descriptors;

/** The names of the methods by their rules, as the tables show them. */
const methods = new Map(methodsOf(spec).map((method) => [ruleText(method), method.name]));

test("docs/endpoint.md has the messages of rules.proto", (t) => {
  const proto = readFileSync(join(import.meta.dirname, "http-rules", "rules.proto"), "utf8");
  t.is(messagesOfPage(), proto.slice(proto.indexOf("message Book {")).trim());
});

test("every rule of rules.proto is in a table of docs/endpoint.md, and every rule there is one of it", (t) => {
  const shown = new Set([...formsOfPage().values()].flat().map(({ rule }) => rule));
  t.deepEqual([...shown].sort(), [...methods.keys()].sort());
  t.deepEqual(checkHttpRules(spec), []);
});

test("every rule that is refused is refused for the reason that is shown", (t) => {
  const refused = compileRules("Refused");
  const reasons = new Map(refusalsOfPage());
  const expected = methodsOf(refused).map(
    (method) =>
      `google.api.http of perdure.rules.Refused.${method.name}: ${reasons.get(ruleText(method))}; only this rule is not served`,
  );
  t.deepEqual(
    checkHttpRules(refused).map(({ reason }) => reason),
    expected,
  );
  t.is(reasons.size, expected.length);
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
      telemetry: NO_TELEMETRY,
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
  for (const [about, forms] of formsOfPage()) {
    for (const { rule, exchanges } of forms) {
      const method = methods.get(rule) ?? `no method has the rule ${rule}`;
      exchanges.forEach((exchange, index) => {
        const { line, body, outcome } = exchange;
        const what = `${method} ${index + 1}: ${line} ${body ?? ""}`.trimEnd();
        test(`${version}: ${about}: ${what}: ${outcome.kind}`, async (t) => {
          const world = await start(t, outcome.kind === "answered" ? outcome.reply : undefined);
          check(t, method, outcome, await send(world.port, exchange), world);
        });
      });
    }
  }
}

function check(t: ExecutionContext, method: string, outcome: Outcome, answer: Answer, { got }: World): void {
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
