// SPDX-License-Identifier: Apache-2.0

import { jsonAttack } from "../json-attack.ts";
import { manyMessagesJson } from "../wire/messages.ts";

export const attack = jsonAttack({
  name: "json-many-messages",
  about: "a repeated field with 4,000,000 empty messages, 12 MB",
  bounds: ["max-json-values"],
  body: () => manyMessagesJson(4_000_000),
});
