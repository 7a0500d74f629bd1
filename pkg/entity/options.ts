// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { defaultsOf } from "../settings/mod.ts";

import { ENTITY_SETTINGS } from "./settings.ts";

/** Bounds of the runtimes of entities and actions (I11). */
export type EntityOptions = Values<typeof ENTITY_SETTINGS>;

export const DEFAULT_ENTITY_OPTIONS: EntityOptions = defaultsOf(ENTITY_SETTINGS);
