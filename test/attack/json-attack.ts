// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "./attack.ts";
import type { BoundName } from "./bounds.ts";
import { JSON_SENDERS } from "./wire/json-senders.ts";
import { again } from "./wire/repeat.ts";

/** Most messages of one way. */
const MOST_MESSAGES = 500;

interface JsonAttack {
  readonly name: string;
  readonly about: string;
  readonly bounds: readonly BoundName[];
  readonly body: () => Buffer;
}

/** Sends one whole message after the other, over every protocol that takes JSON. */
export function jsonAttack({ name, about, bounds, body }: JsonAttack): Attack {
  const way =
    (send: (typeof JSON_SENDERS)["http1"]): Way =>
    async (target, tools) => {
      const bytes = body();
      await again(MOST_MESSAGES, tools, async () => {
        tools.tally.add("messages");
        await send(target, tools, bytes);
      });
    };
  const ways = Object.entries(JSON_SENDERS).map(([protocol, send]) => [protocol, way(send)] as const);
  return { name, about, bounds, ways: Object.fromEntries(ways) };
}
