// SPDX-License-Identifier: Apache-2.0

import { watch } from "node:fs";

import { toError } from "../../../pkg/base/mod.ts";
import type { Clock, Timer } from "../../../pkg/base/mod.ts";
import { isIgnored } from "./watch-filter.ts";

export interface WatcherOptions {
  readonly folder: string;
  /** A burst of changes is one change; it ends when nothing happened for so long, in milliseconds. */
  readonly quietMs: number;
  readonly clock: Clock;
  /** Files of one burst, relative to the folder. */
  readonly onChange: (files: readonly string[]) => void;
  /** Watching ended by itself, as when the system has no watches left. */
  readonly onError: (error: Error) => void;
}

/** Files of a burst that are remembered by name. */
const MAX_NAMES = 20;

/** Watches the folder and all below it, except what `isIgnored` passes over. Returns what ends it. */
export function watchFolder({ folder, quietMs, clock, onChange, onError }: WatcherOptions): () => void {
  const changed = new Set<string>();
  let quiet: Timer | undefined;

  const report = (): void => {
    const files = [...changed];
    changed.clear();
    onChange(files);
  };
  const onEvent = (file: string | null): void => {
    if (file === null || isIgnored(file)) return;
    if (changed.size < MAX_NAMES) changed.add(file);
    quiet?.cancel();
    quiet = clock.schedule(quietMs, report);
  };
  try {
    const watcher = watch(folder, { recursive: true, ignore: isIgnored }, (_kind, file) => onEvent(file));
    watcher.on("error", onError);
    return () => {
      quiet?.cancel();
      watcher.close();
    };
  } catch (error) {
    onError(toError(error));
    return () => undefined;
  }
}
