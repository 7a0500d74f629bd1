// SPDX-License-Identifier: Apache-2.0

import { silentLogger, systemClock } from "../../../pkg/base/mod.ts";
import type { EntityKey, Position } from "../../../pkg/eventlog/mod.ts";
import { NO_POSITION, openEventLog } from "../../../pkg/eventlog/mod.ts";

import { CART_TYPE, cartId, firstRecord } from "../carts.ts";
import type { Caller } from "../loader/client.ts";
import { prepared } from "../loader/client.ts";

/** Publishes with the event log as the proxy opens it, but without a proxy: `append` after the entity's last record. */
export async function connectOwn(address: string): Promise<Caller> {
  const log = await openEventLog(address, { clock: systemClock, logger: silentLogger });
  const record = firstRecord(Date.now());
  const keyOf = prepared((entity): EntityKey => ({ type: CART_TYPE, id: cartId(entity) }));
  const last = new Map<number, Position>();
  return {
    async call(_caller, entity) {
      last.set(entity, await log.append(keyOf(entity), last.get(entity) ?? NO_POSITION, record));
    },
  };
}
