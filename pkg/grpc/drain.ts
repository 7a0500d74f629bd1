// SPDX-License-Identifier: Apache-2.0

import type { Http2Stream } from "node:http2";

/** Resolves when the stream takes more, or is closed. */
export function whenDrained(stream: Http2Stream): Promise<void> {
  if (stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle);
      stream.off("close", settle);
      resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}
