// SPDX-License-Identifier: Apache-2.0

/**
 * Resolves at the first SIGTERM or SIGINT. Each further one calls `onInsisted`, because an operator who sends a
 * second signal does not want to wait.
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
