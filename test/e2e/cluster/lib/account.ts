// SPDX-License-Identifier: Apache-2.0

/** One command that was sent; each left a mark of its own, if it was carried out. */
export interface SentCommand {
  /** Its mark. */
  readonly mark: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** Undefined if it was acknowledged; else what its caller was told. */
  readonly failure: string | undefined;
}

export interface Account {
  readonly sent: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** Failed for their callers, and stored: nobody promised them anything. */
  readonly failedButStored: number;
  /** Marks of acknowledged commands that are not there. */
  readonly lost: readonly string[];
  /** Marks that are there more than once. */
  readonly doubled: readonly string[];
  /** Marks that nobody sent. */
  readonly foreign: readonly string[];
  /** What callers of failed commands were told, and how many of them. */
  readonly failures: Readonly<Record<string, number>>;
  readonly longestMs: number;
}

/** Holds what was sent against what is stored: how often each mark is there. */
export function account(sent: readonly SentCommand[], stored: ReadonlyMap<string, number>): Account {
  const known = new Set(sent.map(({ mark }) => mark));
  const acknowledged = sent.filter(({ failure }) => failure === undefined);
  const failed = sent.filter(({ failure }) => failure !== undefined);
  const failures: Record<string, number> = {};
  for (const { failure = "" } of failed) {
    const kind = kindOf(failure);
    failures[kind] = (failures[kind] ?? 0) + 1;
  }
  return {
    sent: sent.length,
    acknowledged: acknowledged.length,
    failed: failed.length,
    failedButStored: failed.filter(({ mark }) => stored.has(mark)).length,
    lost: acknowledged.map(({ mark }) => mark).filter((mark) => !stored.has(mark)),
    doubled: [...stored].filter(([, times]) => times > 1).map(([mark]) => mark),
    foreign: [...stored.keys()].filter((mark) => !known.has(mark)),
    failures,
    longestMs: Math.max(0, ...acknowledged.map(({ sentMs, answeredMs }) => answeredMs - sentMs)),
  };
}

/** What a failure has in common with others like it: its text without addresses, times and ends of lines. */
function kindOf(failure: string): string {
  return failure
    .replaceAll(/\d+(?:\.\d+){3}(?::\d+)?/g, "…")
    .replaceAll(/[\d.]+s\b/g, "…")
    .trim();
}

/** In a line, for people. */
export function describeAccount(of: Account): string {
  const reasons = Object.entries(of.failures).map(([text, count]) => `${count} × ${text}`);
  return (
    `${of.sent} commands: ${of.acknowledged} acknowledged (the slowest after ${Math.round(of.longestMs)} ms), ` +
    `${of.failed} failed${reasons.length > 0 ? ` (${reasons.join("; ")})` : ""}, of these ${of.failedButStored} stored; ` +
    `${of.lost.length} lost, ${of.doubled.length} doubled, ${of.foreign.length} foreign`
  );
}
