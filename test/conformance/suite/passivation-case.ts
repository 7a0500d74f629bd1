// SPDX-License-Identifier: Apache-2.0

import { replies } from "../kinds/answer.ts";
import type { EntityKind } from "../kinds/entity-kind.ts";
import type { Case, ProxySide } from "./case.ts";
import { ObservedEntity } from "./observed-entity.ts";

/** An entity with a passivation time-out of 100 ms must have left memory within the time-out of the case. */
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
