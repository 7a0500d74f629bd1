// SPDX-License-Identifier: Apache-2.0

/** What AVA's TAP output says, one event per test and per remark. */
export type TapEvent =
  | {
      readonly kind: "test";
      readonly outcome: "passed" | "failed" | "skipped";
      readonly title: string;
      /** What the test logged, line by line. */
      readonly logs: readonly string[];
      /** Why it failed: the lines of the YAML block, without its indentation. */
      readonly details: readonly string[];
    }
  | { readonly kind: "remark"; readonly text: string }
  /** The summary at the end; `failed` also counts tests that never ran. It is missing if AVA did not get there. */
  | { readonly kind: "end"; readonly failed: number };

type TestEvent = Extract<TapEvent, { kind: "test" }>;

const TEST = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO))?$/;
/** The other lines of the summary, and the names of hooks that went well. */
const UNIMPORTANT = /^# (?:(?:tests|pass|skip) \d+|\S.* hook(?: for .*)?)$/;
const LOG_PREFIX = "#   ";
const YAML_INDENT = 4;

/**
 * Reads TAP 13 as AVA writes it. A crash, a time-out or an unhandled rejection is a `not ok` line like any other. A
 * test that is only planned (`# TODO`) counts as skipped.
 */
export async function* readTap(lines: AsyncIterable<string>): AsyncGenerator<TapEvent> {
  // A test's logs and details follow its line, so its event is complete only when the next item begins.
  let open: { readonly event: TestEvent; readonly logs: string[]; readonly details: string[] } | undefined;
  let inYaml = false;
  let planned = 0;

  for await (const line of lines) {
    if (open !== undefined && inYaml) {
      if (line === "  ...") inYaml = false;
      else open.details.push(line.slice(YAML_INDENT));
      continue;
    }
    if (open !== undefined && line === "  ---") {
      inYaml = true;
      continue;
    }
    if (open !== undefined && line.startsWith(LOG_PREFIX)) {
      open.logs.push(line.slice(LOG_PREFIX.length));
      continue;
    }
    if (line === "" || line === "TAP version 13" || /^1\.\.\d+$/.test(line)) continue;

    if (open !== undefined) yield open.event;
    open = undefined;
    const test = TEST.exec(line);
    if (test !== null) {
      if (test[3] === "TODO") planned++;
      open = openTest(test[2] as string, outcomeOf(test[1] === undefined, test[3]));
      continue;
    }
    const failed = /^# fail (\d+)$/.exec(line);
    // AVA counts planned tests as failed here.
    if (failed !== null) yield { kind: "end", failed: Number(failed[1]) - planned };
    else if (!UNIMPORTANT.test(line)) yield { kind: "remark", text: line.replace(/^# */, "") };
  }
  if (open !== undefined) yield open.event;
}

function openTest(title: string, outcome: TestEvent["outcome"]) {
  const logs: string[] = [];
  const details: string[] = [];
  const event: TestEvent = { kind: "test", outcome, title, logs, details };
  return { event, logs, details };
}

function outcomeOf(ok: boolean, directive: string | undefined): TestEvent["outcome"] {
  if (directive !== undefined) return "skipped";
  return ok ? "passed" : "failed";
}
