// SPDX-License-Identifier: Apache-2.0

/**
 * Resolves at the first SIGTERM or SIGINT. Whoever asks twice does not want to wait: each further one calls `onInsisted`.
 */
export function stopSignal(onInsisted: () => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (): void => {
      if (asked) onInsisted();
      asked = true;
      resolve();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
