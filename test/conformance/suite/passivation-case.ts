// SPDX-License-Identifier: Apache-2.0

import { replies } from "../kinds/answer.ts";
import type { EntityKind } from "../kinds/entity-kind.ts";

import type { Case, ProxySide } from "./case.ts";
import { ObservedEntity } from "./observed-entity.ts";

/** An entity that asks to leave memory after 100 ms must have left within 2 s. */
export function passivationCase<Action, Stored, Change>(
  kind: EntityKind<Action, Stored, Change>,
): Case<ProxySide> {
  return {
    name: "passivation timeout",
    needs: [kind.configured.parent],
    async run(side) {
      const entity = new ObservedEntity(side, kind, side.nextEntityId(), kind.configured);
      await entity.process([], replies(""));
      await entity.expectClosed();
    },
  };
}
