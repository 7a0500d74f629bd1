// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { systemClock } from "../../pkg/base/mod.ts";
import type { EventLog } from "../../pkg/eventlog/mod.ts";
import { NO_POSITION, openEventLog } from "../../pkg/eventlog/mod.ts";
import { CommitSchema } from "../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { ItemAddedSchema } from "../../samples/shopping-cart/gen/shoppingcart/persistence/domain_pb.ts";
import type { HttpAnswer, HttpClient } from "./http-client.ts";
import { RELAXED_LOG } from "./nats/relaxed.ts";

/**
 * Shopping carts in fault tests. Each command carries a token: a unique product id, which also appears in its event.
 */
export const CART_TYPE = "shopping-cart";

/** How long a server may take for an answer, in milliseconds; long, since the machine may be busy. */
const PATIENCE_MS = 30_000;

/** Adds one product whose id is the token. Rejects if no complete answer came, or none before the signal aborts. */
export function addToken(
  client: HttpClient,
  id: string,
  token: string,
  signal?: AbortSignal,
): Promise<HttpAnswer> {
  const body = { productId: token, name: "Pen", quantity: 1 };
  return client.call(`/cart/${id}/items/add`, { body, ...(signal && { signal }) });
}

/** The token that a command left in its event. */
export function tokenOf(event: Any): string | undefined {
  return event.typeUrl.endsWith(`/${ItemAddedSchema.typeName}`)
    ? fromBinary(ItemAddedSchema, event.value).item?.productId
    : undefined;
}

/** Tokens in the events of these records, in their order. */
export function storedTokens(records: readonly Uint8Array[]): (string | undefined)[] {
  return records.flatMap((bytes) => fromBinary(CommitSchema, bytes).events.map(tokenOf));
}

/** The result of reading a cart. */
export type CartAnswer =
  | { readonly kind: "cart"; readonly tokens: readonly string[] }
  | { readonly kind: "error"; readonly answer: HttpAnswer };

/** Reads the tokens in a cart. A token occurs as often as its quantity. Rejects as `addToken` does. */
export async function readCart(client: HttpClient, id: string, signal?: AbortSignal): Promise<CartAnswer> {
  const answer = await client.call(`/carts/${id}`, signal && { signal });
  if (answer.status !== 200) return { kind: "error", answer };
  const { items } = JSON.parse(answer.body) as { items: { productId: string; quantity: number }[] };
  const tokens = items.flatMap(({ productId, quantity }) =>
    Array.from({ length: quantity }, () => productId),
  );
  return { kind: "cart", tokens };
}

/** All records of all carts in the log's order, by id. */
export async function readCartLog(address: string): Promise<Map<string, Uint8Array[]>> {
  const jetstream = { ...RELAXED_LOG, requestTimeoutMs: PATIENCE_MS };
  const log = await openEventLog(address, { clock: systemClock, telemetry: NO_TELEMETRY, jetstream });
  try {
    const stored = new Map<string, Uint8Array[]>();
    for await (const id of log.list(CART_TYPE)) stored.set(id, await readRecords(log, id));
    return stored;
  } finally {
    await log.close();
  }
}

/** Reads all records from the first one, and ignores snapshots. */
async function readRecords(log: EventLog, id: string): Promise<Uint8Array[]> {
  const key = { type: CART_TYPE, id };
  const records: Uint8Array[] = [];
  for (let after = NO_POSITION; ; ) {
    const page = await log.read(key, after);
    records.push(...page.records.map(({ bytes }) => bytes));
    const last = page.records.at(-1);
    if (page.end || last === undefined) return records;
    after = last.position;
  }
}
