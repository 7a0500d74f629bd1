// SPDX-License-Identifier: Apache-2.0

/**
 * The bytes, in a buffer of at most `maxBesides` bytes more: copied, if they are a view of a larger one. A view keeps
 * its whole buffer in memory, so what waits and is counted by its own length must not be one.
 */
export function ownBytes(bytes: Uint8Array, maxBesides: number): Uint8Array {
  return bytes.buffer.byteLength - bytes.length > maxBesides ? new Uint8Array(bytes) : bytes;
}
