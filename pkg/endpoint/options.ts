// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { defaultsOf } from "../settings/mod.ts";

import { ENDPOINT_SETTINGS } from "./settings.ts";

/** Where the public port is and what it bounds (I11). */
export type EndpointOptions = Values<typeof ENDPOINT_SETTINGS>;

export const DEFAULT_ENDPOINT_OPTIONS: EndpointOptions = defaultsOf(ENDPOINT_SETTINGS);
