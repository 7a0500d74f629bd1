// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions, Clock, Random } from "../../base/mod.ts";
import { backoffMs, sleep } from "../../base/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { Api } from "./api.ts";
import type { JsonObject } from "./json.ts";
import { objectOrEmpty, objectsOf, resourceVersionOf } from "./json.ts";
import { K8sError } from "./k8s-error.ts";

export interface WatchOptions {
  /** How long one watch lasts. The next one continues from the version where it ended. */
  readonly watchTimeoutMs: number;
  readonly backoff: BackoffOptions;
}

export interface WatchDependencies {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/**
 * Follows one object by its name, until the signal aborts.
 *
 * 1. `onChange` gets the object as it is when the watch begins, and every later state; undefined if it does not exist.
 *    States may be left out or repeated, but the newest state of the API server always arrives in the end.
 * 2. After a watch that ends, the next one continues from its last version. After a watch that fails, or whose version
 *    the server has forgotten, the object is read again, after a pause that grows with each failure.
 *
 * @param collection path of the objects of its kind, as `/api/v1/namespaces/x/configmaps`.
 */
export async function watchObject(
  collection: string,
  name: string,
  onChange: (object: JsonObject | undefined) => void,
  options: WatchOptions,
  { api, clock, random, telemetry }: WatchDependencies,
  signal: AbortSignal,
): Promise<void> {
  const base = `${collection}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  let failures = 0;
  while (!signal.aborted) {
    try {
      let version = await list();
      while (!signal.aborted) {
        version = await follow(version);
        failures = 0;
        // The pause prevents a busy loop if the server ends each watch at once.
        await sleep(clock, options.backoff.minMs, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      const isForgotten = error instanceof K8sError && error.code === "API_GONE";
      if (!isForgotten)
        telemetry.logger.warn("a watch failed and is made again", { collection, name, error });
      await sleep(clock, backoffMs(failures, options.backoff, random), signal);
    }
  }

  async function list(): Promise<string> {
    const found = await api.send({ method: "GET", path: base, signal });
    onChange(objectsOf(found["items"])[0]);
    return resourceVersionOf(found);
  }

  async function follow(since: string): Promise<string> {
    let version = since;
    const seconds = Math.max(1, Math.round(options.watchTimeoutMs / 1_000));
    const query = `&watch=true&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${version}`;
    for await (const event of api.watch(
      { method: "GET", path: base + query, signal },
      options.watchTimeoutMs,
    )) {
      const object = objectOrEmpty(event["object"]);
      switch (event["type"]) {
        case "ADDED":
        case "MODIFIED":
          onChange(object);
          break;
        case "DELETED":
          onChange(undefined);
          break;
        case "ERROR":
          throw new K8sError(
            object["code"] === 410 ? "API_GONE" : "API_FAILED",
            `watch: ${String(object["message"])}`,
          );
      }
      version = resourceVersionOf(object) || version;
    }
    return version;
  }
}
