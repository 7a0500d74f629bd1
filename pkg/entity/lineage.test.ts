// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { Random } from "../base/mod.ts";
import { seededRandom } from "../base/test-doubles/mod.ts";
import { StatusError } from "../grpc/mod.ts";

import type { Lineage } from "./lineage.ts";
import { CALLERS_LINEAGE, descend, lineageMessage, readLineage } from "./lineage.ts";
import { DEFAULT_ENTITY_OPTIONS } from "./settings.ts";

const random = seededRandom(1);
const DEFAULTS = DEFAULT_ENTITY_OPTIONS;

/** How many commands a command at this depth asks for. */
type Shape = (depth: number) => number;

/** Counts the commands that follow from a caller's command of this shape, and those that were refused. */
function grow(shape: Shape, limits = DEFAULTS): { readonly descendants: number; readonly refused: number } {
  let descendants = 0;
  let refused = 0;
  const visit = (lineage: Lineage): void => {
    const count = shape(lineage.depth);
    if (count === 0) return;
    const child = descend(lineage, count, limits, random);
    if (child instanceof StatusError) {
      refused++;
      return;
    }
    descendants += count;
    for (let i = 0; i < count; i++) visit(child);
  };
  visit(CALLERS_LINEAGE);
  return { descendants, refused };
}

const levels =
  (...counts: readonly number[]): Shape =>
  (depth) =>
    counts[depth] ?? 0;

test("usual shapes are within the defaults", (t) => {
  t.deepEqual(grow(levels(500)), { descendants: 500, refused: 0 }, "one command to 500 entities");
  t.deepEqual(grow(levels(1_000)), { descendants: 1_000, refused: 0 });
  t.deepEqual(grow(levels(10, 10, 5)), { descendants: 610, refused: 0 });
  t.deepEqual(grow(levels(250, 3)), { descendants: 1_000, refused: 0 });
  t.deepEqual(
    grow((depth) => (depth < 16 ? 1 : 0)),
    { descendants: 16, refused: 0 },
    "a chain",
  );
  t.deepEqual(grow(levels(2, 2, 2, 2, 2, 2, 2, 2)), { descendants: 510, refused: 0 });
});

test("without an end a chain has 16 links, and ten each time come to the budget at most", (t) => {
  t.deepEqual(
    grow(() => 1),
    { descendants: 16, refused: 1 },
  );
  t.deepEqual(
    grow(() => 10),
    { descendants: 110, refused: 100 },
  );
  t.deepEqual(
    grow(() => 11, { ...DEFAULTS, maxDescendants: 100_000 }),
    { descendants: 16_104, refused: 14_641 },
  );
});

test("a refusal says which bound it was, and how far it is from it", (t) => {
  const chain = descend({ ...CALLERS_LINEAGE, depth: 16 }, 1, DEFAULTS, random);
  t.like(chain, { code: "CHAIN_TOO_LONG", message: "more than 16 forwards and side effects in a row" });
  const budget = descend({ origin: "a", depth: 1, budget: 3 }, 4, DEFAULTS, random);
  t.like(budget, {
    code: "TOO_MANY_DESCENDANTS",
    message:
      "4 forwards and side effects, but 3 are left for it of the 1000 that may follow from one command of a caller",
  });
});

test("the origin is made at the first link and stays", (t) => {
  const first = descend(CALLERS_LINEAGE, 1, DEFAULTS, random) as Lineage;
  t.regex(first.origin, /^[0-9a-z]{10}$/);
  t.like(descend(first, 1, DEFAULTS, random), { origin: first.origin, depth: 2 });
  t.notDeepEqual(descend(CALLERS_LINEAGE, 1, DEFAULTS, random), first);
});

test("a record says it as it is; where an older one says nothing, the whole bound is there once more, one link on", (t) => {
  const lineage = { origin: "a", depth: 3, budget: 7 };
  t.deepEqual(readLineage(lineageMessage(lineage)), lineage);
  const unknown = readLineage(undefined);
  t.like(unknown, { origin: "", depth: 1 });
  t.like(descend(unknown, 10, DEFAULTS, random), { depth: 2, budget: 99 });
});

test("a lower bound holds for what is on record with a larger budget", (t) => {
  const limits = { ...DEFAULTS, maxDescendants: 5 };
  t.like(descend({ origin: "a", depth: 1, budget: 900 }, 6, limits, random), {
    code: "TOO_MANY_DESCENDANTS",
  });
  t.like(descend({ origin: "a", depth: 1, budget: 900 }, 1, limits, random), { budget: 4 });
});

/**
 * Carries commands out in a random order (by the seed). Some lineages are stored and read again, as when another
 * proxy continues.
 */
function carryOut(seed: number, widest: number, limits: typeof DEFAULTS): number {
  const draw: Random = seededRandom(seed);
  const waiting: Lineage[] = [CALLERS_LINEAGE];
  let descendants = 0;
  // Twice the bound is enough to see that it does not hold.
  while (waiting.length > 0 && descendants <= 2 * limits.maxDescendants) {
    const at = Math.floor(draw() * waiting.length);
    const [next] = waiting.splice(at, 1) as [Lineage];
    const count = Math.floor(draw() * (widest + 1));
    if (count === 0) continue;
    const child = descend(next, count, limits, draw);
    if (child instanceof StatusError) continue;
    descendants += count;
    // Half of the lineages are read back from their stored form.
    const recorded = draw() < 0.5 ? readLineage(lineageMessage(child)) : child;
    waiting.push(...Array.from({ length: count }, () => recorded));
  }
  return descendants;
}

test("I11: whatever commands ask for, and in whatever order they are carried out, no more follow than may", (t) => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 2_000 }),
      (seed, widest, max) => {
        const limits = { ...DEFAULTS, maxDescendants: max, maxForwardDepth: 1_000 };
        const descendants = carryOut(seed, widest, limits);
        t.true(descendants <= max, `${descendants} of ${max}`);
      },
    ),
    { numRuns: 2_000 },
  );
});
