// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { ManualClock } from "../../../pkg/base/test-doubles/mod.ts";

import { Changes } from "./changes.ts";
import type { Tool, ToolResult } from "./tool.ts";

const GOOD: ToolResult = { exit: { kind: "code", code: 0 }, lines: [], more: 0 };
const BAD: ToolResult = {
  exit: { kind: "code", code: 100 },
  lines: ["cart.proto:3:1: syntax error"],
  more: 0,
};
const SETTLE_MS = 300;

/** Changes with a generator that ends when the test says so. */
function setUp(hasGenerator = true) {
  const clock = new ManualClock();
  const happened: string[] = [];
  let finish: (result: ToolResult) => void = () => undefined;
  const generate = (): Tool => {
    const { promise, resolve } = Promise.withResolvers<ToolResult>();
    finish = resolve;
    return { result: promise, stop: () => happened.push("stopped") };
  };
  const changes = new Changes({
    generate: hasGenerator ? generate : undefined,
    settleMs: SETTLE_MS,
    clock,
    onGenerating: () => happened.push("generating"),
    onProblem: (result) => happened.push(`problem ${result?.lines.join() ?? "no generator"}`),
    onChanged: (files) => happened.push(`changed ${files.join()}`),
  });
  /** Ends the generator, and lets the time pass in which the files that it wrote may change. */
  const end = async (result: ToolResult, between: () => void = () => undefined): Promise<void> => {
    finish(result);
    await turn();
    between();
    clock.advance(SETTLE_MS);
    await turn();
  };
  const takes = (t: ExecutionContext, expected: readonly string[]): void =>
    void t.deepEqual(happened.splice(0), [...expected]);
  return { changes, end, takes };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("without a .proto file among them, changes are told at once", (t) => {
  const { changes, takes } = setUp();
  changes.changed(["cart.ts", "proto"]);
  takes(t, ["changed cart.ts,proto"]);
});

test("of a .proto file code is generated first, and all that changed by that is told in one", async (t) => {
  const { changes, end, takes } = setUp();
  changes.changed(["cart.proto"]);
  takes(t, ["generating"]);
  changes.changed(["cart.ts"]);
  await end(GOOD, () => changes.changed(["gen/cart_pb.ts"]));
  takes(t, ["changed cart.proto,cart.ts,gen/cart_pb.ts"]);
  changes.changed(["cart.ts"]);
  takes(t, ["changed cart.ts"]);
});

test("a .proto file that changes meanwhile has code generated once more, and no more than once", async (t) => {
  const { changes, end, takes } = setUp();
  changes.changed(["cart.proto"]);
  changes.changed(["cart.proto"]);
  await end(GOOD);
  takes(t, ["generating", "generating"]);
  changes.changed(["cart.proto"]);
  await end(GOOD);
  takes(t, ["changed cart.proto"]);
});

test("a generator that fails is told, and other files count all the same", async (t) => {
  const { changes, end, takes } = setUp();
  changes.changed(["cart.proto"]);
  await end(BAD);
  takes(t, ["generating", "problem cart.proto:3:1: syntax error"]);
  changes.changed(["cart.proto", "cart.ts"]);
  await end(BAD);
  takes(t, ["generating", "problem cart.proto:3:1: syntax error", "changed cart.ts"]);
});

test("without a generator it is said once what is missing", (t) => {
  const { changes, takes } = setUp(false);
  changes.changed(["cart.proto"]);
  changes.changed(["cart.proto"]);
  takes(t, ["problem no generator", "changed cart.proto", "changed cart.proto"]);
});

test("at the end the generator is ended, and nothing is told any more", async (t) => {
  const { changes, end, takes } = setUp();
  changes.changed(["cart.proto"]);
  changes.stop();
  await end(BAD);
  takes(t, ["generating", "stopped"]);
});
