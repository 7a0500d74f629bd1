// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps the process alive when the reader of its standard output or standard error is gone (a log collector that
 * died, a closed pipe). Without an `error` listener, the EPIPE of the next line would end the process in the middle
 * of its work. Later lines are lost. If standard output fails, the process reports it once on standard error.
 */
export function keepWithoutReaders(program: string): void {
  process.stdout.once("error", ({ message }) => {
    process.stderr.write(
      `${program}: standard output cannot be written, so log lines are lost: ${message}\n`,
    );
  });
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}
