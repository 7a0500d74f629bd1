// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Tool, ToolResult } from "./tool.ts";
import type { TypeNews } from "./type-checker.ts";
import { TypeChecker, typeNews } from "./type-checker.ts";

const RIGHT: ToolResult = { exit: { kind: "code", code: 0 }, lines: [], more: 0 };
const WRONG: ToolResult = {
  exit: { kind: "code", code: 2 },
  lines: ["cart.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'."],
  more: 0,
};

test("errors are told each time, that there are none once", (t) => {
  t.is(typeNews(RIGHT, undefined), undefined);
  t.like(typeNews(WRONG, undefined), { kind: "wrong", lines: WRONG.lines, more: 0 });
  t.like(typeNews(WRONG, "wrong"), { kind: "wrong" });
  t.deepEqual(typeNews(RIGHT, "wrong"), { kind: "right again" });
  t.is(typeNews(RIGHT, "right again"), undefined);
});

test("many errors are cut, and a checker that does not work says so once", (t) => {
  const many = { ...WRONG, lines: Array.from({ length: 30 }, () => WRONG.lines[0] ?? ""), more: 5 };
  const news = typeNews(many, undefined);
  t.is(news?.kind === "wrong" && news.lines.length, 10);
  t.is(news?.kind === "wrong" && news.more, 25);

  const broken: ToolResult = { exit: { kind: "not started", reason: "there is no tsc" }, lines: [], more: 0 };
  t.deepEqual(typeNews(broken, undefined), { kind: "unchecked", lines: ["there is no tsc"] });
  t.is(typeNews(broken, "unchecked"), undefined);
});

test("a new check takes the place of one that runs, and nothing is told after the end", async (t) => {
  const runs: { finish: (result: ToolResult) => void; stopped: boolean }[] = [];
  const told: TypeNews["kind"][] = [];
  const start = (): Tool => {
    const { promise, resolve } = Promise.withResolvers<ToolResult>();
    const run = { finish: resolve, stopped: false };
    runs.push(run);
    return { result: promise, stop: () => (run.stopped = true) };
  };
  const checker = new TypeChecker(start, ({ kind }) => told.push(kind));
  checker.check();
  checker.check();
  t.deepEqual(
    runs.map(({ stopped }) => stopped),
    [true, false],
  );
  runs[0]?.finish(WRONG);
  runs[1]?.finish(RIGHT);
  await Promise.resolve();
  await Promise.resolve();
  t.deepEqual(told, []);
  checker.check();
  runs[2]?.finish(WRONG);
  await Promise.resolve();
  await Promise.resolve();
  t.deepEqual(told, ["wrong"]);
  checker.check();
  checker.stop();
  runs[3]?.finish(WRONG);
  await Promise.resolve();
  await Promise.resolve();
  t.deepEqual(told, ["wrong"]);
});
