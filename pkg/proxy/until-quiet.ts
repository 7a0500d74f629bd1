// SPDX-License-Identifier: Apache-2.0

import { get } from "node:http";

import { describeError } from "../base/mod.ts";

/**
 * Waits until no more requests come: whoever stands before the proxy answers a GET of `url` then, with whatever status.
 * Knative's queue-proxy does at `/wait-for-drain`, when it was told to stop and none has come for 30 s
 * (serving/pkg/queue/sharedmain). An empty `url` means that nobody can tell.
 *
 * @param timeoutMs how long at most, in milliseconds.
 * @returns undefined, or why it is not sure that none comes.
 */
export function untilQuiet(url: string, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  if (url === "") return Promise.resolve(undefined);
  const timeUp = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const failed = (error: unknown): void => {
      const reason = timeUp.aborted ? `no answer within ${timeoutMs} ms` : describeError(error);
      resolve(`${url}: ${reason}`);
    };
    get(url, { signal: AbortSignal.any([timeUp, signal]), agent: false }, (response) => {
      response.resume();
      resolve(undefined);
    }).on("error", failed);
  });
}
