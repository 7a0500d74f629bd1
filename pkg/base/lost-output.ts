// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps this process when what it writes is not read any more (a log collector that died, a closed pipe): without a
 * listener the EPIPE of the next line would end it in the middle of its work. Lines are lost from then on; of standard
 * output the program says so once on standard error.
 */
export function keepWithoutReaders(program: string): void {
  process.stdout.once("error", ({ message }) => {
    process.stderr.write(
      `${program}: standard output cannot be written, so log lines are lost: ${message}\n`,
    );
  });
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}
