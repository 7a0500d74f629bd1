// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Part } from "./part.ts";
import { Parts } from "./parts.ts";

/** A part that notes in `seen` what it is asked to do. */
function noting(name: string, seen: string[], more: Partial<Part> = {}): Part {
  return {
    name,
    start: async () => void seen.push(`${name} starts`),
    drain: async () => void seen.push(`${name} drains`),
    resume: () => void seen.push(`${name} resumes`),
    stop: async () => void seen.push(`${name} stops`),
    ...more,
  };
}

test("parts start in order and stop in reverse, once", async (t) => {
  const seen: string[] = [];
  const parts = new Parts();
  for (const name of ["a", "b", "c"]) await parts.start(noting(name, seen));
  parts.started();
  await Promise.all([parts.stop(), parts.stop()]);
  t.deepEqual(seen, ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]);
});

test("a part that cannot start is stopped with those before it", async (t) => {
  const seen: string[] = [];
  const parts = new Parts();
  await parts.start(noting("a", seen));
  const broken = noting("b", seen, { start: () => Promise.reject(new Error("no port")) });
  await t.throwsAsync(parts.start(broken), { message: "no port" });
  await parts.stop();
  t.deepEqual(seen, ["a starts", "b stops", "a stops"]);
});

test("readiness is the sum of the checks, and no part is ready before all have started", async (t) => {
  const parts = new Parts();
  let problem: string | undefined = "is being opened";
  await parts.start({ name: "log", checks: () => [{ name: "log", problem }] });
  await parts.start({ name: "plain" });
  t.deepEqual(parts.checks(), [{ name: "log", problem: "is being opened" }]);
  problem = undefined;
  t.deepEqual(parts.checks(), [
    { name: "log", problem: undefined },
    { name: "start", problem: "is under way" },
  ]);
  parts.started();
  t.deepEqual(parts.checks(), [{ name: "log", problem: undefined }]);
});

test("all parts drain and resume; routes and states are collected", async (t) => {
  const seen: string[] = [];
  const parts = new Parts();
  const route = {
    path: "/x",
    methods: ["GET"],
    reach: "loopback",
    handle: () => ({ status: 200, text: "" }),
  };
  await parts.start(noting("a", seen, { routes: [route as NonNullable<Part["routes"]>[number]] }));
  await parts.start(noting("b", seen, { inspect: () => ({ inMemory: 3 }) }));
  seen.length = 0;
  await parts.drain();
  parts.resume();
  t.deepEqual(seen, ["b drains", "a drains", "a resumes", "b resumes"]);
  t.deepEqual(
    parts.routes().map(({ path }) => path),
    ["/x"],
  );
  t.deepEqual(parts.inspect(), { b: { inMemory: 3 } });
});
