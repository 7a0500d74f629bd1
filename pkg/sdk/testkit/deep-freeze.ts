// SPDX-License-Identifier: Apache-2.0

/** Freezes a message and all that is in it, except bytes, which JavaScript cannot freeze. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  // A frozen part was frozen here, with all that is in it. It is skipped, because states share most of their parts.
  if (ArrayBuffer.isView(value) || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}
