// SPDX-License-Identifier: Apache-2.0

/** What `ava.ts` says of a test run, one line of JSON each. */
export type TestEvent =
  | {
      readonly kind: "test";
      /** A test that is only planned (`test.todo`) counts as skipped. */
      readonly outcome: "passed" | "failed" | "skipped";
      readonly title: string;
      /** What the test logged, line by line. */
      readonly logs: readonly string[];
      /** Why it failed, line by line. */
      readonly details: readonly string[];
    }
  | { readonly kind: "remark"; readonly text: string }
  /** A test file has begun, or its thread or process has ended. */
  | { readonly kind: "file"; readonly file: string; readonly isRunning: boolean }
  /** The end; `failed` also counts tests that never ran. It is missing if AVA did not get there. */
  | { readonly kind: "end"; readonly failed: number };

/** Reads the event of a line of AVA's output; undefined if the line is something else. */
export function readTestEvent(line: string): TestEvent | undefined {
  return line.startsWith("{") ? (JSON.parse(line) as TestEvent) : undefined;
}
