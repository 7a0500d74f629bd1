// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { EndedCommand } from "./slowest-commands.ts";
import { SlowestCommands } from "./slowest-commands.ts";

function ended(tookMs: number, endedMs: number): EndedCommand {
  const times = { tookMs, endedMs, waitedMs: 0, storingMs: 0 };
  return { method: "shop.Cart.AddItem", entity: "cart/ann", code: undefined, trace: undefined, ...times };
}

/** Adds those that are slow, as a runtime does. */
function note(slowest: SlowestCommands, commands: readonly EndedCommand[]): number {
  let added = 0;
  for (const command of commands) {
    if (!slowest.isSlow(command.tookMs, command.endedMs)) continue;
    slowest.add(command);
    added++;
  }
  return added;
}

const tookOf = (commands: readonly EndedCommand[]): number[] => commands.map(({ tookMs }) => tookMs);

test("the slowest ten are reported, slowest first, for a minute", (t) => {
  const slowest = new SlowestCommands();
  note(
    slowest,
    Array.from({ length: 100 }, (_, index) => ended(index, index)),
  );
  t.deepEqual(tookOf(slowest.report(1_000)), [99, 98, 97, 96, 95, 94, 93, 92, 91, 90]);
  t.deepEqual(tookOf(slowest.report(60_095)), [99, 98, 97, 96, 95]);
  t.deepEqual(slowest.report(60_100), []);
});

test("whatever ends when, nothing that is slower is missing, but for slices that lie in the minute partly", (t) => {
  const ends = fc.array(fc.tuple(fc.nat(5_000), fc.nat(4_000)), { maxLength: 200 });
  fc.assert(
    fc.property(ends, (list) => {
      let nowMs = 0;
      const all = list.map(([tookMs, laterMs]) => ended(tookMs, (nowMs += laterMs)));
      const slowest = new SlowestCommands();
      note(slowest, all);
      const reported = slowest.report(nowMs);
      const isIn =
        (lastMs: number) =>
        ({ endedMs }: EndedCommand): boolean =>
          nowMs - endedMs <= lastMs;
      t.true(reported.every(isIn(60_000)));
      // The oldest slice may have begun before the minute, and may have kept ten that ended before it.
      const sure = all.filter(isIn(50_000)).sort((a, b) => b.tookMs - a.tookMs);
      const least = reported.length < 10 ? -1 : (reported.at(-1)?.tookMs ?? -1);
      for (const command of sure) if (command.tookMs > least) t.true(reported.includes(command));
    }),
  );
});

test("most commands are not added, and few are kept (I11)", (t) => {
  const slowest = new SlowestCommands();
  const same = Array.from({ length: 10_000 }, (_, index) => ended(5, index / 10));
  t.is(note(slowest, same), 10);
  const late = Array.from({ length: 1_000 }, (_, index) => ended(index, 10_000 * index));
  note(slowest, late);
  t.true(slowest.report(10_000_000).length <= 10);
});
