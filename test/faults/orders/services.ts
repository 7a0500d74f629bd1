// SPDX-License-Identifier: Apache-2.0

import type { RunningServer } from "../../../pkg/sdk/mod.ts";
import { eventSourced, on, serve, valueEntity } from "../../../pkg/sdk/mod.ts";

import {
  Bills,
  CountSchema,
  Orders,
  PlacedSchema,
  Stock,
  TakenSchema,
} from "./gen/perdure/test/orders/orders_pb.ts";

/** Persistence ids. */
export const ORDERS = "orders";
export const STOCK = "stock";
export const BILLS = "bills";

/** The kind of a command that an entity has received. */
export type OrdersCommand = "place" | "take" | "write";

/**
 * Serves orders, stock and bills. Placing an order makes one event and two side effects: an asynchronous one writes a
 * bill, and a synchronous one takes the goods. If every effect happens once, as many of each goods are taken and
 * billed as were ordered.
 */
export function serveOrders(onCommand: (command: OrdersCommand) => void): Promise<RunningServer> {
  const orders = eventSourced(Orders, CountSchema, {
    persistenceId: ORDERS,
    snapshotEvery: 7,
    commands: {
      place({ goods }, { emit, effect }) {
        onCommand("place");
        emit(PlacedSchema, { goods });
        effect(Bills.method.write, { name: goods });
        effect(Stock.method.take, { name: goods }, { synchronous: true });
        return { goods };
      },
      show: (_order, { state }) => ({ count: state.count }),
    },
    events: [on(PlacedSchema, ({ count }) => ({ count: count + 1 }))],
  });
  const stock = eventSourced(Stock, CountSchema, {
    persistenceId: STOCK,
    snapshotEvery: 10,
    commands: {
      take(_goods, { emit, state }) {
        onCommand("take");
        emit(TakenSchema, {});
        return { count: state.count + 1 };
      },
      show: (_goods, { state }) => ({ count: state.count }),
    },
    events: [on(TakenSchema, ({ count }) => ({ count: count + 1 }))],
  });
  const bills = valueEntity(Bills, CountSchema, {
    persistenceId: BILLS,
    commands: {
      write(_goods, { state, update }) {
        onCommand("write");
        update({ count: state.count + 1 });
        return { count: state.count + 1 };
      },
      show: (_goods, { state }) => ({ count: state.count }),
    },
  });
  const entities = [orders, stock, bills];
  return serve({
    entities,
    host: "127.0.0.1",
    port: 0,
    serviceName: "orders",
    handleSignals: false,
    log: () => undefined,
  });
}
