// SPDX-License-Identifier: Apache-2.0
//
// It needs Jaeger, whose build takes minutes, so it runs with `npm run e2e` and not with `npm test`.

import test from "ava";

import { httpClient } from "../../lib/http-client.ts";
import { startJaeger } from "../../lib/jaeger.ts";
import { startProxyProcess } from "../../lib/processes.ts";
import { startScriptedUserFunction } from "../../lib/scripted-user-function.ts";
import { CHAIN_BODY, CHAIN_PATH, CHAIN_SPANS, tracedChain } from "../../lib/traced-chain.ts";
import { until } from "../../lib/until.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER_ID = "00f067aa0ba902b7";
const CALLER = { traceparent: `00-${TRACE_ID}-${CALLER_ID}-01` };

test("Jaeger tells one command with activation, append, forward and side effect as one trace", async (t) => {
  const jaeger = await startJaeger(t);
  const userFunction = await startScriptedUserFunction(tracedChain("trace-context").script);
  t.teardown(() => userFunction.kill());
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: "memory:",
    USER_FUNCTION_PORT: userFunction.port,
    OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.endpoint,
    OTEL_SERVICE_NAME: "chain",
    OTEL_BSP_SCHEDULE_DELAY: 50,
  });
  await proxy.ready();
  const http = httpClient(proxy.port);
  t.teardown(() => http.close());
  t.like(await http.call(CHAIN_PATH, { body: CHAIN_BODY, headers: CALLER }), { status: 200 });

  await until(
    "the trace is in Jaeger",
    async () => (await jaeger.trace(TRACE_ID)).length >= CHAIN_SPANS.length,
  );
  // Its end sends what is left: the trace has no span that comes later.
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
  const spans = await jaeger.trace(TRACE_ID);
  t.deepEqual(spans.map(({ path }) => path).toSorted(), CHAIN_SPANS);
  t.is(spans.find(({ path }) => !path.includes(" < "))?.parentId, CALLER_ID);
  t.deepEqual([...new Set(spans.map(({ service }) => service))], ["chain"]);
});
