// SPDX-License-Identifier: Apache-2.0

import { jsonAttack } from "../json-attack.ts";
import { unknownKeysJson } from "../wire/messages.ts";

export const attack = jsonAttack({
  name: "json-unknown-keys",
  about: "an object with 900,000 keys that are no fields, 9 MB",
  // Large texts are read in a thread that has little memory and little time (`json-many-messages`).
  bounds: [],
  body: () => unknownKeysJson(900_000),
});
