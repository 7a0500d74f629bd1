// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import type { Commit, SideEffectMessage } from "../../protocol/mod.ts";
import { CommitSchema } from "../../protocol/mod.ts";
import type { EffectFields } from "../../record/mod.ts";
import { NO_EFFECT_FIELDS } from "../../record/mod.ts";

import { SideEffectSchema } from "../../protocol/gen/cloudstate/entity_pb.ts";
import { EffectLedger } from "./effect-ledger.ts";
import { UndoneEffects } from "./undone-effects.ts";

function effect(commandName: string): SideEffectMessage {
  return {
    $typeName: "cloudstate.SideEffect",
    serviceName: "S",
    commandName,
    synchronous: false,
  };
}

function store(ledger: EffectLedger, ...names: string[]): EffectFields {
  const entry = ledger.fieldsFor(names.map(effect));
  ledger.fold(entry);
  return entry;
}

const numbers = (ledger: EffectLedger, from = 1) => ledger.begin(from).map(({ number }) => number);

test("effects are numbered over the entity's life, and each is under way once", (t) => {
  const ledger = new EffectLedger();
  t.is(store(ledger, "a", "b").firstEffect, 1n);
  t.is(store(ledger, "c").firstEffect, 3n);
  t.deepEqual(numbers(ledger, 3), [3]);
  t.deepEqual(numbers(ledger), [1, 2]);
  t.deepEqual(numbers(ledger), []);
  ledger.end(2, false);
  t.deepEqual(numbers(ledger), [2]);
});

test("a record tells up to where all are done, once", (t) => {
  const ledger = new EffectLedger();
  store(ledger, "a", "b", "c");
  numbers(ledger);
  ledger.end(2, true);
  t.true(ledger.isMarked, "the first is not done, so there is nothing to say");
  ledger.end(1, true);
  t.false(ledger.isMarked);
  t.is(store(ledger).effectsDone, 2n);
  t.true(ledger.isMarked);
  t.is(store(ledger).effectsDone, 0n);
  t.is(ledger.undone, 1);
});

test("what is known to be done, and what is under way, outlives a new reading", (t) => {
  const ledger = new EffectLedger();
  const records = [store(ledger, "a", "b", "c")];
  numbers(ledger);
  ledger.end(1, true);
  ledger.end(2, false);
  ledger.reset();
  for (const record of records) ledger.fold(record);
  t.deepEqual(numbers(ledger), [2], "1 is done, 3 is under way");
  t.false(ledger.isSettled);
  ledger.end(2, true);
  ledger.end(3, true);
  t.is(store(ledger).effectsDone, 3n);
  t.true(ledger.isSettled);
});

test("(I11) what effects take in memory is counted with each entry of their metadata, until they are done", (t) => {
  const entries = Array.from({ length: 1_000 }, () => ({
    key: "key",
    value: { case: "stringValue" as const, value: "x" },
  }));
  const payload = { value: Buffer.alloc(10_000) };
  const large = create(SideEffectSchema, { payload, metadata: { entries } });
  const ledger = new EffectLedger();
  ledger.fold(ledger.fieldsFor([large]));
  t.true(ledger.undoneBytes > 10_000 + 1_000 * 100, `${ledger.undoneBytes}`);
  numbers(ledger);
  ledger.end(1, true);
  t.is(ledger.undoneBytes, 0);
});

test("an entity without effects says nothing", (t) => {
  const ledger = new EffectLedger();
  t.deepEqual(ledger.fieldsFor([]), NO_EFFECT_FIELDS);
  t.is(ledger.proxyState(), undefined);
  t.true(ledger.isMarked && ledger.isSettled);
});

/**
 * A record with this many effects, the end of an effect that is under way, or a restart that reads the records again.
 */
type Step =
  | { readonly kind: "record"; readonly effects: number; readonly snapshot: boolean }
  | { readonly kind: "end"; readonly pick: number; readonly isDone: boolean }
  | { readonly kind: "restart" };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("record" as const), effects: fc.nat(3), snapshot: fc.boolean() }),
    fc.record({ kind: fc.constant("end" as const), pick: fc.nat(), isDone: fc.boolean() }),
    fc.constant({ kind: "restart" as const }),
  ),
  { maxLength: 40 },
);

for (const isValue of [false, true]) {
  test(`I7: ${isValue ? "a value's last record" : "records, from any snapshot on,"} and a reader of the log tell what is undone`, (t) => {
    fc.assert(
      fc.property(steps, (steps: readonly Step[]) => {
        const run = new Run(isValue);
        for (const step of steps) run.take(step);
        run.check(t);
      }),
    );
  });
}

/** Runs a ledger as an entity does, beside a plain list of the effects that are done. */
class Run {
  readonly #isValue: boolean;
  readonly #live = new EffectLedger();
  readonly #done = new Set<number>();
  readonly #underWay: number[] = [];
  readonly #records: Commit[] = [];
  readonly #reader = new UndoneEffects({ maxEntities: 1, isHere: () => true });
  #snapshot:
    | { readonly proxyState: ReturnType<EffectLedger["proxyState"]>; readonly behind: number }
    | undefined;
  #count = 0;

  constructor(isValue: boolean) {
    this.#isValue = isValue;
  }

  take(step: Step): void {
    switch (step.kind) {
      case "record":
        return this.#record(step.effects, step.snapshot);
      case "end":
        return this.#end(step.pick, step.isDone);
      case "restart":
        this.#live.reset();
        this.#readInto(this.#live);
        return this.#begin();
    }
  }

  /** A proxy that reads only the records finds all undone effects, and none that the records call done. */
  check(t: { true: (value: boolean, text?: string) => boolean }): void {
    const fresh = new EffectLedger();
    this.#readInto(fresh);
    const found = numbers(fresh);
    const marked = Math.max(0, ...this.#records.map(({ effectsDone }) => Number(effectsDone)));
    const all = Array.from({ length: this.#count }, (_, index) => index + 1);
    const undone = all.filter((number) => !this.#done.has(number));
    t.true(
      undone.every((number) => found.includes(number)),
      "none is lost",
    );
    t.true(
      found.every((number) => number > marked),
      "none is done again that a record tells of",
    );
    t.true([...this.#reader.ids].includes("a") === all.some((number) => number > marked), "the reader knows");
    // When all effects are done, one more record says so, to the ledger and to the reader of the log.
    for (const number of this.#underWay.splice(0)) this.#live.end(number, true);
    this.#begin();
    for (const number of this.#underWay.splice(0)) this.#live.end(number, true);
    this.#record(0, false);
    t.true([...this.#reader.ids].length === 0 && this.#live.isSettled && this.#live.isMarked, "the end");
    t.true(this.#reader.checkpoint(this.#records.length) === this.#records.length);
  }

  #record(effects: number, snapshot: boolean): void {
    const entry = this.#live.fieldsFor(Array.from({ length: effects }, () => effect("x")));
    const proxyState = this.#isValue ? this.#live.proxyState() : undefined;
    const commit = create(CommitSchema, {
      ...entry,
      ...(proxyState !== undefined && { proxyState }),
      ...(this.#isValue && { valueState: {} }),
    });
    this.#records.push(commit);
    this.#reader.add("a", this.#records.length, commit);
    this.#live.fold(entry);
    this.#count += effects;
    this.#begin(Number(entry.firstEffect));
    if (snapshot && !this.#isValue) {
      this.#snapshot = { proxyState: this.#live.proxyState(), behind: this.#records.length };
    }
  }

  #begin(from = 1): void {
    for (const { number } of this.#live.begin(from)) this.#underWay.push(number);
  }

  #end(pick: number, isDone: boolean): void {
    const [number] = this.#underWay.splice(pick % (this.#underWay.length || 1), 1);
    if (number === undefined) return;
    this.#live.end(number, isDone);
    if (isDone) this.#done.add(number);
  }

  #readInto(ledger: EffectLedger): void {
    if (this.#isValue) {
      const last = this.#records.at(-1);
      if (last?.proxyState !== undefined) ledger.recall(last.proxyState);
      if (last !== undefined) ledger.fold(last);
      return;
    }
    if (this.#snapshot?.proxyState !== undefined) ledger.recall(this.#snapshot.proxyState);
    for (const record of this.#records.slice(this.#snapshot?.behind ?? 0)) ledger.fold(record);
  }
}
