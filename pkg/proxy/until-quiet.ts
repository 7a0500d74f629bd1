// SPDX-License-Identifier: Apache-2.0

import { get } from "node:http";

import { describeError } from "../base/mod.ts";

/**
 * Waits until no more requests come. The server in front of the proxy then answers a GET of `url`; the status does not
 * matter. Knative's queue-proxy answers `/wait-for-drain` when it was told to stop and no request has come for 30 s
 * (serving/pkg/queue/sharedmain). With an empty `url` there is no such server, and the wait ends at once.
 *
 * @param timeoutMs how long at most, in milliseconds.
 * @returns undefined, or why more requests may still come.
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
