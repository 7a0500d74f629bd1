// SPDX-License-Identifier: Apache-2.0

import { createFileRegistry } from "@bufbuild/protobuf";
import test from "ava";

import { Served } from "./served.ts";
import type { UserFunctionSpec } from "./spec.ts";

const spec = (description: string): UserFunctionSpec => ({
  services: new Map(),
  descriptors: { registry: createFileRegistry(), fileBytes: new Map() },
  description,
  unserved: [],
});

/** What listeners are told, by the description of the spec. */
function served() {
  const it = new Served();
  const told: (string | undefined)[] = [];
  it.subscribe((now) => told.push(now?.description));
  return { it, told };
}

test("what was served last stays while it is kept, and a new one replaces it", (t) => {
  const { it, told } = served();
  it.set(spec("old"));
  it.keep();
  it.set(undefined);
  t.is(it.spec?.description, "old");
  it.set(spec("new"));
  it.keepNoMore();
  t.is(it.spec?.description, "new");
  it.set(undefined);
  t.deepEqual(told, ["old", "new", undefined]);
});

test("what was kept for a user function that has ended goes when it is kept no more", (t) => {
  const { it, told } = served();
  it.keepNoMore();
  t.deepEqual(told, []);
  it.set(spec("old"));
  it.keep();
  it.set(undefined);
  it.keepNoMore();
  t.is(it.spec, undefined);
  t.deepEqual(told, ["old", undefined]);
});
