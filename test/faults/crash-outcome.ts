// SPDX-License-Identifier: Apache-2.0

import { storedTokens, tokenOf } from "../lib/carts.ts";
import type { CrashOutcome } from "../lib/crash-run.ts";
import { checkHistory } from "../lib/history-checker.ts";

/** Describes what a log lost, stored twice or mixed up. The result should be empty. */
export function violations({ sent, stored }: CrashOutcome): string[] {
  const ids = new Set([...sent.keys(), ...stored.keys()]);
  const nothing = { acknowledged: [], unacknowledged: [] };
  return [...ids].flatMap((id) =>
    checkHistory(sent.get(id) ?? nothing, stored.get(id) ?? [], tokenOf).map(
      ({ kind, detail }) => `${id}: ${kind}: ${detail}`,
    ),
  );
}

/** Carts whose content at the proxy differs from the log. */
export function cartsThatDiffer({ carts, stored }: CrashOutcome): string[] {
  return [...carts]
    .filter(([id, products]) => products.join() !== storedTokens(stored.get(id) ?? []).join())
    .map(([id]) => id);
}

/** Counts the commands by their outcome. */
export function count({ sent, stored }: CrashOutcome): {
  readonly acknowledged: number;
  readonly stored: number;
  readonly notStored: number;
} {
  const counts = { acknowledged: 0, stored: 0, notStored: 0 };
  for (const [id, { acknowledged, unacknowledged }] of sent) {
    const inLog = new Set(storedTokens(stored.get(id) ?? []));
    counts.acknowledged += acknowledged.length;
    for (const token of unacknowledged) counts[inLog.has(token) ? "stored" : "notStored"]++;
  }
  return counts;
}
