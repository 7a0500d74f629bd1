// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { parseEventLogAddress } from "../eventlog/address/mod.ts";

import { readConfiguration } from "./configuration.ts";
import { logPrefix } from "./log-prefix.ts";
import { chooseLog } from "./log-rules.ts";
import { readSettings } from "./read-settings.ts";
import type { SettingValues } from "./service-settings.ts";

const OURS = "nats://nats.perdure-system.svc:4222";

function configured(data: Record<string, string> = {}): SettingValues {
  const read = readConfiguration({ "proxy-image": "a", ...data });
  if (read.kind === "invalid") throw new Error(read.problem);
  return read.values;
}

/**
 * The address of the log that a service gets. If it is refused: the message of a wrong setting, or the code of the
 * refusal.
 */
function chosen(
  annotations: Record<string, string>,
  options: {
    readonly namespace?: string;
    readonly service?: string;
    readonly data?: Record<string, string>;
  } = {},
): string {
  const { namespace = "shop", service = "cart", data = {} } = options;
  const { values, problems } = readSettings("annotation", annotations, String);
  if (problems.length > 0) return problems[0]?.message ?? "";
  const choice = chooseLog({ namespace, service }, values, configured(data));
  return "address" in choice ? choice.address : choice.problem.code;
}

test("a service has a log under its namespace and name, with or without a word about it", (t) => {
  t.is(chosen({}), `${OURS}/shop_cart`);
  t.is(chosen({ log: OURS }), `${OURS}/shop_cart`);
  t.is(chosen({ log: `${OURS}/` }), `${OURS}/shop_cart`);
  t.is(chosen({ log: `${OURS}/shop_cart` }), `${OURS}/shop_cart`);
  t.is(chosen({ log: `${OURS}/shop_cart_v2` }), `${OURS}/shop_cart_v2`);
});

test("the prefix of another namespace is refused, and there is no word that allows it", (t) => {
  for (const prefix of [
    "bank_cart",
    "shop",
    "shopcart",
    "shop-b_cart",
    "SHOP_cart",
    "perdure",
    "_cart",
    "shop__cart",
  ]) {
    const log = `${OURS}/${prefix}`;
    t.is(chosen({ log }), "LOG_OF_ANOTHER", prefix);
    t.is(chosen({ log, "confirm-log": log }), "LOG_OF_ANOTHER", prefix);
  }
});

test("the log of another service of the namespace is refused, unless it is confirmed", (t) => {
  const log = `${OURS}/shop_basket`;
  t.is(chosen({ log }), "LOG_OF_ANOTHER");
  t.is(chosen({ log, "confirm-log": `${OURS}/shop_till` }), "LOG_OF_ANOTHER");
  t.is(chosen({ log, "confirm-log": OURS }), "LOG_OF_ANOTHER");
  t.is(chosen({ log, "confirm-log": log }), log);
});

test("only servers that config-perdure names are allowed, and what it says of TLS cannot be taken back", (t) => {
  t.is(chosen({ log: "nats://elsewhere:4222/shop_cart" }), "LOG_NOT_ALLOWED");
  t.is(chosen({ log: "memory:" }), "LOG_NOT_ALLOWED");
  t.is(chosen({ log: `${OURS},nats://elsewhere:4222/shop_cart` }), "LOG_NOT_ALLOWED");
  const data = { "allowed-logs": "memory: tls://a:4222,tls://b:4222\nnats://c" };
  t.is(chosen({ log: "memory:" }, { data }), "memory:");
  t.is(chosen({ log: "tls://B:4222" }, { data }), "tls://b:4222/shop_cart");
  t.is(chosen({ log: "tls://c" }, { data }), "tls://c:4222/shop_cart", "more than is asked for");
  t.is(chosen({ log: "nats://a" }, { data }), "LOG_NOT_ALLOWED", "without TLS");
  t.is(chosen({ log: "tls://a,tls://c" }, { data }), "LOG_NOT_ALLOWED", "of two clusters");
  t.is(chosen({ log: OURS }, { data }), `${OURS}/shop_cart`);
});

test("two services never have one log, whatever their annotations say, unless one confirms it in its own namespace", (t) => {
  const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const service = fc.record({
    namespace: fc.oneof(fc.constantFrom("a", "a-b", "a".repeat(42), "a".repeat(50)), name),
    service: fc.oneof(fc.constantFrom("b", "b-c", "v2", "ev"), name),
  });
  const prefix = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    service.map((of) => logPrefix(of.namespace, of.service)),
    service.chain((of) =>
      fc.constantFrom("v2", "_x", "").map((end) => `${logPrefix(of.namespace, of.service)}_${end}`),
    ),
  );
  const annotated = fc.record({
    of: service,
    prefix: fc.option(prefix, { nil: undefined }),
    confirms: fc.boolean(),
  });
  const logOf = ({
    of,
    prefix,
    confirms,
  }: {
    of: { namespace: string; service: string };
    prefix: string | undefined;
    confirms: boolean;
  }) => {
    if (prefix === undefined || prefix.length > 64) return chosen({ log: OURS }, of);
    const log = `${OURS}/${prefix}`;
    return chosen({ log, ...(confirms && { "confirm-log": log }) }, of);
  };
  const property = fc.property(annotated, annotated, (one, other) => {
    const [first, second] = [logOf(one), logOf(other)];
    const isSame = one.of.namespace === other.of.namespace && one.of.service === other.of.service;
    const mayShare = one.of.namespace === other.of.namespace && (one.confirms || other.confirms);
    if (first.startsWith("LOG_") || isSame || mayShare) return;
    t.not(first, second);
    const address = parseEventLogAddress(first);
    t.is(address.kind, "nats");
  });
  fc.assert(property, { numRuns: 5_000 });
});

test("the hash of a long name is no way into its namespace", (t) => {
  const victim = { namespace: "v".repeat(50), service: "c".repeat(20) };
  const prefix = logPrefix(victim.namespace, victim.service);
  const thief = { namespace: "v".repeat(42), service: "cart" };
  t.true(prefix.startsWith(`${thief.namespace}_`));
  const log = `${OURS}/${prefix}`;
  t.is(chosen({ log, "confirm-log": log }, thief), "LOG_OF_ANOTHER");
  t.is(chosen({ log }, victim), log);
});
