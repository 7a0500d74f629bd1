// SPDX-License-Identifier: Apache-2.0

import { findNatsBinary } from "../../test/lib/nats/binary.ts";

/** Time between progress lines, in milliseconds. They are needed because a tool may end a run that prints nothing. */
const STILL_AT_IT_MS = 15_000;

/**
 * Finds or makes the nats-server that tests start, before they run, because the first time on a machine it may take
 * longer than AVA waits for a test file. This never fails a run: without a server its tests are skipped.
 */
export async function prepareNatsServer(
  say: (text: string) => void,
  progressMs = STILL_AT_IT_MS,
): Promise<void> {
  const startedMs = performance.now();
  const seconds = (digits: number): string => `${((performance.now() - startedMs) / 1000).toFixed(digits)} s`;
  const progress = (): void => say(`being built or downloaded, once for this machine: ${seconds(0)}`);
  using _ = setInterval(progress, progressMs);
  const binary = await findNatsBinary();
  say(binary.kind === "found" ? `ready   ${seconds(1)}` : `none, so its tests are skipped: ${binary.reason}`);
}
