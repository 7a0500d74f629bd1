// SPDX-License-Identifier: Apache-2.0

import type { SettingValues } from "./service-settings.ts";
import { PREFIX, valueOf } from "./service-settings.ts";

/**
 * The annotation of a stateful Service that shows how durable it is, whoever decided that: `kn service describe` prints
 * the annotations of the Service, and neither those of pods nor `config-perdure`. Only the webhook writes it, and
 * nothing reads it: it is not copied to the template, and an older value in an object that comes in means nothing.
 */
export const EFFECTIVE_DURABILITY = `${PREFIX}effective-durability`;

/** As `relaxed (config-perdure)`: the value, and what it comes from, which is where to change it. */
export function effectiveDurability(annotated: SettingValues, configured: SettingValues): string {
  if (annotated.log?.kind === "memory") return "none (the log is in memory)";
  const value = valueOf("durability", { ...configured, ...annotated });
  return `${value} (${sourceOf(annotated, configured)})`;
}

function sourceOf(annotated: SettingValues, configured: SettingValues): string {
  if (annotated.durability !== undefined) return "annotation";
  return configured.durability !== undefined ? "config-perdure" : "default";
}
