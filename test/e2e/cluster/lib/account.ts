// SPDX-License-Identifier: Apache-2.0

/** One command that was sent. A command that was carried out left a unique mark. */
export interface SentCommand {
  /** Its mark. */
  readonly mark: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** Undefined if the command was acknowledged; otherwise the error that its caller got. */
  readonly failure: string | undefined;
}

export interface Account {
  readonly sent: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** Commands that failed for their callers and are stored. They break no promise. */
  readonly failedButStored: number;
  /** Marks of acknowledged commands that are not stored. */
  readonly lost: readonly string[];
  /** Marks that are stored more than once. */
  readonly doubled: readonly string[];
  /** Stored marks that no command has. */
  readonly foreign: readonly string[];
  /** The errors that callers of failed commands got, with the number of callers. */
  readonly failures: Readonly<Record<string, number>>;
  readonly longestMs: number;
}

/** Compares the sent commands with what is stored. `stored` has the number of times for each mark. */
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

/** Groups similar failures: the error text without addresses, times and line ends. */
function kindOf(failure: string): string {
  return failure
    .replaceAll(/\d+(?:\.\d+){3}(?::\d+)?/g, "…")
    .replaceAll(/[\d.]+s\b/g, "…")
    .trim();
}

/** A one-line description. */
export function describeAccount(of: Account): string {
  const reasons = Object.entries(of.failures).map(([text, count]) => `${count} × ${text}`);
  return (
    `${of.sent} commands: ${of.acknowledged} acknowledged (the slowest after ${Math.round(of.longestMs)} ms), ` +
    `${of.failed} failed${reasons.length > 0 ? ` (${reasons.join("; ")})` : ""}, of these ${of.failedButStored} stored; ` +
    `${of.lost.length} lost, ${of.doubled.length} doubled, ${of.foreign.length} foreign`
  );
}
