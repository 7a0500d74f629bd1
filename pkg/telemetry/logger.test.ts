// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { createLogger } from "./logger.ts";
import { podFields } from "./pod.ts";

test("every line says where it comes from, as far as the environment tells", (t) => {
  const lines: string[] = [];
  const env = { K_SERVICE: "cart", K_REVISION: "cart-00001", POD_NAME: "cart-00001-x", POD_NAMESPACE: "" };
  const logger = createLogger("info", { write: (line) => lines.push(line) }, podFields(env));
  logger.info("listening", { port: 9000 });
  const { time, ...line } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  t.is(typeof time, "string");
  t.deepEqual(line, {
    level: "info",
    service: "cart",
    revision: "cart-00001",
    pod: "cart-00001-x",
    port: 9000,
    message: "listening",
  });
});

test("what others say is cut in a line, wherever it stands, and an error is what it says", (t) => {
  const lines: string[] = [];
  const long = "x".repeat(1_000_000);
  createLogger("info", { write: (line) => lines.push(line) }).warn("side effect failed", {
    text: long,
    error: new Error("no", { cause: new Error(long) }),
    list: [long, { [long]: long }],
    many: Array.from({ length: 10_000 }, () => "x"),
    deep: { a: { b: { c: { d: { e: long } } } } },
    short: "as it is",
    count: 3,
  });
  t.true((lines[0] ?? "").length < 10_000);
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  t.like(line, {
    text: `${"x".repeat(1_000)}… (999000 more characters)`,
    short: "as it is",
    count: 3,
    deep: { a: { b: { c: { d: "…" } } } },
  });
  t.regex(String(line["error"]), /^no: x+… \(999004 more characters\)$/);
  t.is((line["many"] as string[]).at(-1), "… (9900 more)");
});

test("outside of a pod a line says only what happened", (t) => {
  const lines: string[] = [];
  createLogger("info", { write: (line) => lines.push(line) }, podFields({})).warn("stopping");
  t.deepEqual(Object.keys(JSON.parse(lines[0] ?? "") as object), ["level", "time", "message"]);
});
