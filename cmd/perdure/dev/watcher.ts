// SPDX-License-Identifier: Apache-2.0

/**
 * Watches a folder and all below it, except what `isIgnored` passes over.
 *
 * 1. From `ready` on, every change is seen, whatever way the file is written: in place, by another file that is renamed
 *    over it (also again and again), deleted and made anew, in a folder that is new itself.
 * 2. A burst of changes is one change; it ends when nothing happened for `quietMs`.
 *
 * Uses chokidar, because on Linux Node's own recursive watching keeps one watch for each file. When another file
 * replaces it, the watch stays with the old file, and changes of the new one are missed (docs/dependencies.md).
 */

import { relative } from "node:path";

import { watch } from "chokidar";

import type { Clock, Timer } from "../../../pkg/base/mod.ts";
import { toError } from "../../../pkg/base/mod.ts";

import { isIgnored } from "./watch-filter.ts";

export interface WatcherOptions {
  readonly folder: string;
  /** In milliseconds. */
  readonly quietMs: number;
  readonly clock: Clock;
  /** Files of one burst, relative to the folder; never empty. */
  readonly onChange: (files: readonly string[]) => void;
  /** Called once, if something cannot be watched, as when the system has no watches left. */
  readonly onError: (error: Error) => void;
}

export interface Watcher {
  /** Resolves when all existing files are watched, or cannot be. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Files of a burst that are remembered by name. */
const MAX_NAMES = 1_000;

export function watchFolder({ folder, quietMs, clock, onChange, onError }: WatcherOptions): Watcher {
  const changed = new Set<string>();
  let quiet: Timer | undefined;
  let failed = false;

  const report = (): void => {
    const files = [...changed];
    changed.clear();
    onChange(files);
  };
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: (path) => isIgnored(relative(folder, path)),
  });
  watcher.on("all", (_event, path) => {
    if (changed.size < MAX_NAMES) changed.add(relative(folder, path));
    quiet?.cancel();
    quiet = clock.schedule(quietMs, report);
  });
  watcher.on("error", (error) => {
    if (!failed) onError(toError(error));
    failed = true;
  });
  return {
    ready: new Promise((resolve) => watcher.once("ready", () => resolve())),
    close() {
      quiet?.cancel();
      void watcher.close();
    },
  };
}
