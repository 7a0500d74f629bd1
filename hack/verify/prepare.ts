// SPDX-License-Identifier: Apache-2.0

/** Time between progress lines, in milliseconds. They are needed because a tool may end a run that prints nothing. */
const STILL_AT_IT_MS = 15_000;

/**
 * Finds or makes a program that tests start, before they run, because the first time on a machine it may take longer
 * than AVA waits for a test file. `find` returns why there is none, or undefined. This never fails a run: without the
 * program its tests are skipped.
 */
export async function prepare(
  find: () => Promise<string | undefined>,
  say: (text: string) => void,
  progressMs = STILL_AT_IT_MS,
): Promise<void> {
  const startedMs = performance.now();
  const seconds = (digits: number): string => `${((performance.now() - startedMs) / 1000).toFixed(digits)} s`;
  const progress = (): void => say(`being built or downloaded, once for this machine: ${seconds(0)}`);
  using _ = setInterval(progress, progressMs);
  const missing = await find();
  say(missing === undefined ? `ready   ${seconds(1)}` : `none, so its tests are skipped: ${missing}`);
}
