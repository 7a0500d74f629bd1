// SPDX-License-Identifier: Apache-2.0

/** An error that a caller sees has one code: in the answer, in the lines of the log, in the span and in the docs. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { messageTypeUrl } from "../protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { startWorld } from "../../test/lib/local-proxy.ts";
import { memoryTracer } from "../../test/lib/memory-tracer.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";

const ADD = `/${COUNTER_SERVICE}/Add`;
const PAGE = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";

const PAYLOAD = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a") };

/** What the user function answers to a command with this id; undefined: it never does. */
type Answer = (commandId: bigint) => object | undefined;

const reply = (action: object): Answer => {
  return (commandId) => ({ case: "reply", value: { commandId, clientAction: { action } } });
};

function script(answer: Answer): Script {
  return {
    spec: counterSpec(),
    onMessage({ message }, stream) {
      const answered = message.case === "command" ? answer(message.value.id) : undefined;
      if (answered !== undefined) stream.send({ message: answered } as StreamOut);
    },
  };
}

const nowhere = { serviceName: COUNTER_SERVICE, commandName: "Nothing", payload: PAYLOAD };

/** `warned`: the line in which an operator finds it too, who does not look at each failed command. */
const FAILURES: readonly {
  readonly code: string;
  readonly answer: Answer;
  readonly id?: string;
  readonly warned?: string;
}[] = [
  { code: "COMMAND_FAILED", answer: reply({ case: "failure", value: { description: "no" } }) },
  {
    code: "BAD_TARGET",
    answer: reply({ case: "forward", value: nowhere }),
    warned: "target cannot be used",
  },
  {
    code: "ENTITY_STREAM_BROKEN",
    answer: (commandId) => ({ case: "failure", value: { commandId, description: "broken" } }),
    warned: "entity stream broke",
  },
  { code: "NO_REPLY", answer: (commandId) => ({ case: "reply", value: { commandId } }) },
  { code: "RELAY_TIMEOUT", answer: () => undefined },
  { code: "ENTITY_KEY_MISSING", answer: () => undefined, id: "" },
];

for (const { code, answer, id = "a", warned } of FAILURES) {
  test(`${code} is the same in the answer, the log, the span and docs/errors.md`, async (t) => {
    const tracer = memoryTracer();
    const env = code === "RELAY_TIMEOUT" ? { PERDURE_RELAY_TIMEOUT_MS: "200" } : {};
    const { http, lines } = await startWorld(t, script(answer), env, { tracer });
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER}-01` };
    const { errorCode } = await http.call(ADD, { body: { id, amount: 1 }, headers });
    t.is(errorCode, code);

    const span = tracer.spans.find(({ path }) => path === `perdure.test.Counter.Add < ${CALLER}`);
    t.like(span, { error: { code } });

    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const ofSpan = { code, trace_id: TRACE_ID, span_id: span?.context.spanId };
    const method = "perdure.test.Counter.Add";
    t.like(
      logged.find(({ message }) => message === "command failed"),
      { level: "debug", method, ...ofSpan },
    );
    const warnings = logged.filter(({ level }) => level === "warn");
    const about = warnings.filter((line) => line["trace_id"] === TRACE_ID);
    t.deepEqual(
      about.map(({ message }) => message),
      warned === undefined ? [] : [warned],
    );
    for (const line of about) t.like(line, ofSpan);

    t.regex(PAGE, new RegExp(`^\\| (?:\`\\w+\`, )*\`${code}\``, "m"));
  });
}

test("the line of a failed append has the code of the answer, and the span", async (t) => {
  const tracer = memoryTracer();
  const store: Answer = (commandId) => ({
    case: "reply",
    value: {
      commandId,
      clientAction: { action: { case: "reply", value: { payload: PAYLOAD } } },
      events: [{ ...PAYLOAD, value: new Uint8Array(8_192) }],
    },
  });
  const env = { PERDURE_MAX_RECORD_BYTES: "4096" };
  const { http, lines } = await startWorld(t, script(store), env, { tracer });
  const { errorCode } = await http.call(ADD, { body: { id: "a", amount: 1 } });
  const span = tracer.spans.find(({ path }) => path === "perdure.test.Counter.Add");
  const line = lines.find((each) => each.includes('"append failed"')) ?? "{}";
  t.like(JSON.parse(line), {
    level: "warn",
    entity: "counter/a",
    code: errorCode,
    trace_id: span?.context.traceId,
    span_id: span?.context.spanId,
  });
});
