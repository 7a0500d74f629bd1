// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { createLogger } from "../../telemetry/mod.ts";

import { counterSpec } from "../../../test/lib/counter.ts";
import { startWorld } from "../../../test/lib/local-proxy.ts";
import { logLevelRoute } from "./log-level-route.ts";

const SECRET = "0123456789abcdef";
const QUIET = "/log/level?level=warn";
const PUT = { method: "PUT" };

test("a local program reads the level of the log and changes it, by PUT only", async (t) => {
  const { admin, lines } = await startWorld(t, { spec: counterSpec() });
  t.like(await admin.call("/log/level"), { status: 200, body: "debug\n" });
  for (const method of ["GET", "HEAD"]) await admin.call(QUIET, { method });
  t.like(await admin.call(QUIET, { method: "POST" }), { status: 405, errorCode: "ADMIN_METHOD_NOT_ALLOWED" });
  t.like(await admin.call("/log/level"), { body: "debug\n" });

  t.like(await admin.call(QUIET, PUT), { status: 200, body: "warn\n" });
  t.like(JSON.parse(lines.at(-1) ?? ""), { level: "info", from: "debug", to: "warn" });
  const { length } = lines;
  await admin.call("/log/level?level=error", PUT);
  t.is(lines.length, length);

  for (const query of ["", "?level=", "?level=loud", "?level=WARN"]) {
    const refused = await admin.call(`/log/level${query}`, PUT);
    t.like(refused, { status: 400, errorCode: "ADMIN_BAD_QUERY" }, query);
    t.regex(refused.body, /one of debug, info, warn, error, silent/);
  }
  t.like(await admin.call("/log/level"), { body: "error\n" });
});

test("web pages change nothing, and with a secret nobody does who does not send it", async (t) => {
  const open = await startWorld(t, { spec: counterSpec() });
  const page = { ...PUT, headers: { origin: "https://evil.example" } };
  t.like(await open.admin.call(QUIET, page), { status: 403, errorCode: "ADMIN_PAGE_NOT_ALLOWED" });
  t.like(await open.admin.call("/log/level"), { body: "debug\n" });

  const { admin } = await startWorld(t, { spec: counterSpec() }, { PERDURE_DRAIN_SECRET: SECRET });
  const headers = { "perdure-drain-secret": SECRET };
  t.like(await admin.call(QUIET, PUT), { status: 403, errorCode: "ADMIN_WRONG_SECRET" });
  t.like(await admin.call("/log/level"), { status: 403, errorCode: "ADMIN_WRONG_SECRET" });
  t.like(await admin.call("/log/level", { headers }), { body: "debug\n" });
  t.like(await admin.call(QUIET, { ...PUT, headers }), { status: 200, body: "warn\n" });
});

for (const [from, to] of [
  ["silent", "info"],
  ["info", "silent"],
  ["debug", "error"],
] as const) {
  test(`the log itself says that it went from ${from} to ${to}`, async (t) => {
    const lines: string[] = [];
    const logger = createLogger(from, { write: (line) => lines.push(line) });
    const route = logLevelRoute(false, logger, logger);
    const query = new URLSearchParams({ level: to });
    await route.handle({ method: "PUT", query, accept: undefined, isLocal: true, isOperator: true });
    t.is(logger.level, to);
    t.deepEqual(
      lines.map((line) => (JSON.parse(line) as Record<string, unknown>)["to"]),
      [to],
    );
  });
}
