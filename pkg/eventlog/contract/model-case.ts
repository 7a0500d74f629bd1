// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import fc from "fast-check";

import type { EntityKey, EventLog, Position } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import { listAll, partitionsOf, readAll, refused, take } from "./harness.ts";

/** What the log should hold: the plainest thing that can be right. */
interface Model {
  readonly records: ModelRecord[];
  readonly snapshots: Map<string, { readonly position: Position; readonly text: string }>;
}

interface ModelRecord {
  readonly partition: number;
  readonly id: string;
  readonly position: Position;
  readonly text: string;
}

type Step =
  | {
      readonly kind: "append" | "replace";
      readonly id: string;
      readonly text: string;
      readonly behind: "last" | number;
    }
  | { readonly kind: "burst"; readonly ids: readonly string[] }
  | { readonly kind: "snapshot"; readonly id: string; readonly index: number; readonly text: string }
  | { readonly kind: "pack"; readonly id: string }
  | { readonly kind: "check" };

type StoreStep = Extract<Step, { readonly kind: "append" | "replace" }>;

const id = fc.constantFrom("a", "b", "c", "ü|:");
/** Ids of entities that are only replaced, so that each has one record. */
const replacedId = fc.constantFrom("v", "w");
const text = fc.string({ maxLength: 20 });
const behind = fc.oneof(
  { weight: 4, arbitrary: fc.constant("last" as const) },
  { weight: 1, arbitrary: fc.nat(30) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), id, text, behind }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("replace" as const), id: replacedId, text, behind }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("burst" as const), ids: fc.array(id, { maxLength: 8 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("snapshot" as const), id, index: fc.nat(10), text }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pack" as const), id }) },
  { weight: 1, arbitrary: fc.constant({ kind: "check" as const }) },
);

export const modelCase: ContractCase = {
  title: "(1, 3, 4, 5, 8) any sequence of operations leaves what a plain model holds",
  limits: { pageRecords: 3, pageBytes: 30 },
  async run({ log }) {
    let runs = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const type = `run ${runs++}`;
      const model: Model = { records: [], snapshots: new Map() };
      for (const next of steps) await apply(log, model, type, next);
      await check(log, model, type);
    });
    // A failure names the seed and the path to the smallest sequence.
    await fc.assert(property, { numRuns: 40 });
  },
};

async function apply(log: EventLog, model: Model, type: string, next: Step): Promise<void> {
  switch (next.kind) {
    case "append":
    case "replace":
      return store(log, model, { type, id: next.id }, next);
    case "burst":
      await Promise.all(
        next.ids.map((id) => log.append({ type, id }, lastOf(model, id), bytesOf("burst")).catch(noop)),
      );
      return adoptBurst(log, model, type, next.ids);
    case "snapshot": {
      const own = model.records.filter((record) => record.id === next.id);
      const position = own[Math.min(next.index, own.length - 1)]?.position;
      if (position === undefined) return;
      await log.saveSnapshot({ type, id: next.id }, position, bytesOf(next.text));
      const kept = model.snapshots.get(next.id)?.position ?? NO_POSITION;
      if (position >= kept) model.snapshots.set(next.id, { position, text: next.text });
      return;
    }
    case "pack":
      // A pack changes nothing that a read shows, so the model stays as it is.
      return log.pack({ type, id: next.id });
    case "check":
      return check(log, model, type);
  }
}

async function store(log: EventLog, model: Model, entity: EntityKey, next: StoreStep): Promise<void> {
  const last = lastOf(model, entity.id);
  const expected = next.behind === "last" ? last : next.behind;
  const stored = log[next.kind](entity, expected, bytesOf(next.text));
  if (expected !== last) return refused(stored, "APPEND_CONFLICT");
  const position = await stored;
  const partition = log.partitionOf(entity);
  assert.ok(position > lastIn(model, partition), "positions rise");
  if (next.kind === "replace") {
    const others = model.records.filter(({ id }) => id !== entity.id);
    model.records.splice(0, model.records.length, ...others);
  }
  model.records.push({ partition, id: entity.id, position, text: next.text });
}

/** Adds the appends of a burst to the model. One of each entity was stored, in an order that only the log knows. */
async function adoptBurst(log: EventLog, model: Model, type: string, ids: readonly string[]): Promise<void> {
  const added: Model["records"] = [];
  for (const id of new Set(ids)) {
    const page = await log.read({ type, id }, lastOf(model, id));
    assert.equal(page.records.length, 1, "one append of each entity wins");
    const partition = log.partitionOf({ type, id });
    const position = page.records[0]?.position ?? NO_POSITION;
    assert.ok(position > lastIn(model, partition), "positions rise");
    added.push({ partition, id, position, text: "burst" });
  }
  model.records.push(...added.sort((a, b) => a.position - b.position));
}

async function check(log: EventLog, model: Model, type: string): Promise<void> {
  const ids = new Set(model.records.map((record) => record.id));
  assert.deepEqual(await listAll(log, type), [...ids].sort());
  for (const partition of partitionsOf(log)) {
    const expected = model.records.filter((record) => record.partition === partition);
    const tail = await take(log, type, partition, NO_POSITION, expected.length);
    assert.deepEqual(
      tail.map(({ id, position, bytes }) => ({ partition, id, position, text: textOf(bytes) })),
      expected,
    );
  }
  for (const id of ids) {
    const snapshot = model.snapshots.get(id);
    const page = await log.read({ type, id });
    assert.deepEqual(
      page.snapshot && { position: page.snapshot.position, text: textOf(page.snapshot.bytes) },
      snapshot,
    );
    const expected = model.records.filter(
      (record) => record.id === id && record.position > (snapshot?.position ?? NO_POSITION),
    );
    const read = await readAll(log, { type, id });
    const partition = log.partitionOf({ type, id });
    assert.deepEqual(
      read.map(({ position, bytes }) => ({ partition, id, position, text: textOf(bytes) })),
      expected,
    );
  }
}

function lastOf(model: Model, id: string): Position {
  return model.records.findLast((record) => record.id === id)?.position ?? NO_POSITION;
}

function lastIn(model: Model, partition: number): Position {
  return model.records.findLast((record) => record.partition === partition)?.position ?? NO_POSITION;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function noop(): void {
  // Appends of a burst may conflict.
}
