// SPDX-License-Identifier: Apache-2.0

import { jsonAttack } from "../json-attack.ts";
import { deepJson, LARGE_BYTES } from "../wire/messages.ts";

export const attack = jsonAttack({
  name: "json-deep",
  about: "arrays in arrays, 12 MB of them, where a text should be",
  // The depth is bounded by a constant, and the time by the thread that reads large texts.
  bounds: [],
  body: () => deepJson(LARGE_BYTES),
});
