// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { parseEventLogAddress } from "../eventlog/address/mod.ts";
import { PROXY_SETTINGS, proxyOptions } from "../proxy/mod.ts";
import type { Form } from "../settings/mod.ts";

import { readConfiguration, serviceOptions } from "./configuration.ts";
import { logAddress, logPlaces, natsUrl, otlpEndpoint, part } from "./forms.ts";
import { logPrefix } from "./log-prefix.ts";
import { MAX_KEYS, readSettings } from "./read-settings.ts";
import type { ServiceSetting } from "./service-settings.ts";
import { SERVICE_SETTINGS } from "./service-settings.ts";

const SETTINGS: readonly ServiceSetting[] = Object.values(SERVICE_SETTINGS);
const PROXY = Object.values(PROXY_SETTINGS);

test("every default can be written and read", (t) => {
  for (const { key, form, default: value } of SETTINGS) {
    if (value !== undefined) t.deepEqual(form.read(form.write(value)), { value }, key);
  }
  t.is(new Set(SETTINGS.map(({ key }) => key)).size, SETTINGS.length, "a key stands for one thing");
  t.true(SETTINGS.length < MAX_KEYS);
});

test("what the proxy is told has the proxy's own default, and the proxy takes it", (t) => {
  for (const { key, env, default: value } of SETTINGS) {
    if (env === undefined) continue;
    const proxys = PROXY.find((setting) => setting.env === env);
    t.is(proxys?.default, value as never, key);
    t.notThrows(() => proxyOptions({}, { [env]: String(value) }));
  }
});

test("config-perdure is read whole: unknown keys, misplaced ones and nonsense are all told", (t) => {
  t.deepEqual(readConfiguration({ _example: "anything", "proxy-image": "a/b:1", "log-replicas": "3" }), {
    kind: "valid",
    values: { proxyImage: "a/b:1", logReplicas: 3 },
  });
  const invalid = readConfiguration({ "nats-uri": "x", stateful: "true", "log-replicas": "9" });
  const problem = invalid.kind === "invalid" ? invalid.problem : "";
  for (const part of [
    "nats-uri is not known",
    "stateful is for one service",
    'log-replicas must be a whole number from 1 to 5 (servers), not "9"',
    "proxy-image is missing",
  ]) {
    t.true(problem.includes(part), part);
  }
  t.like(readConfiguration(undefined), { kind: "invalid" });
});

test("an annotation is stronger than config-perdure, that is stronger than the default", (t) => {
  const { values: configured } = readSettings(
    "config",
    { "proxy-image": "a", "log-level": "warn", "nats-secret": "all" },
    String,
  );
  const { values: annotated } = readSettings(
    "annotation",
    { "log-level": "debug", "proxy-memory-limit": "none" },
    String,
  );
  t.like(serviceOptions({ namespace: "shop", service: "cart" }, annotated, configured), {
    options: {
      proxyImage: "a",
      natsSecret: "all",
      log: "nats://nats.perdure-system.svc:4222/shop_cart",
      limits: {},
      env: [
        { name: "PERDURE_LOG_DURABILITY", value: "strict" },
        { name: "PERDURE_LOG_LEVEL", value: "debug" },
      ],
    },
  });
});

test("there are at least as many NATS servers as there are copies for everybody", (t) => {
  const read = (data: Record<string, string>) => readConfiguration({ "proxy-image": "a", ...data });
  const few = read({ "log-replicas": "3", "nats-servers": "2" });
  t.regex(few.kind === "invalid" ? few.problem : "", /log-replicas \(3\) is more than nats-servers \(2\)/);
  t.is(read({ "log-replicas": "3", "nats-servers": "3" }).kind, "valid");
  const owner = { namespace: "shop", service: "cart" };
  const copies = (count: string, data: Record<string, string>) => {
    const configured = read(data);
    if (configured.kind === "invalid") throw new Error(configured.problem);
    const { values } = readSettings("annotation", { "log-replicas": count }, String);
    const chosen = serviceOptions(owner, values, configured.values);
    return "problems" in chosen ? chosen.problems.map(({ code }) => code) : [];
  };
  t.deepEqual(copies("5", { "nats-servers": "3" }), ["TOO_FEW_SERVERS"]);
  t.deepEqual(copies("3", { "nats-servers": "3" }), []);
  t.deepEqual(copies("3", { "log-replicas": "3" }), [], "the operator's copies are on as many servers");
  t.deepEqual(copies("5", { "log-replicas": "3" }), ["TOO_FEW_SERVERS"]);
});

test("the address of NATS may name several servers, and neither prefix nor password", (t) => {
  const servers = (isTls: boolean, ...hosts: string[]) => ({
    value: { kind: "nats", isTls, servers: hosts },
  });
  t.deepEqual(natsUrl.read("nats://a:4222,nats://B") as unknown, servers(false, "a:4222", "b:4222"));
  t.deepEqual(natsUrl.read("tls://a:4222/") as unknown, servers(true, "a:4222"));
  for (const text of ["nats://a/shop", "nats://me:secret@a", "http://a", "memory:", "", "nats://"]) {
    const reading = natsUrl.read(text);
    t.true("mustBe" in reading && !`${reading.mustBe} ${reading.because}`.includes("secret@"), text);
  }
  for (const [form, text] of [
    [natsUrl, "tls://a:4222,b:4222"],
    [logAddress, "nats://a:4222/shop_cart"],
    [logAddress, "tls://a:4222"],
    [logAddress, "memory:"],
    [logPlaces, "nats://a:4222 memory:"],
  ] as const) {
    const reading = (form as Form<unknown>).read(text);
    t.is("value" in reading ? (form as Form<unknown>).write(reading.value) : "", text);
  }
});

test("an endpoint of traces has neither path nor password, and a part is from 0 to 1", (t) => {
  for (const text of ["", "http://a:4317", "https://collector.shop.svc:4317/"])
    t.deepEqual(otlpEndpoint.read(text), { value: text });
  for (const text of [
    "a:4317",
    "grpc://a:4317",
    "http://",
    "http://me:secret@a:4317",
    "http://a:4318/v1/traces",
  ]) {
    const reading = otlpEndpoint.read(text);
    t.true("mustBe" in reading && !`${reading.mustBe} ${reading.because}`.includes("secret@"), text);
  }
  for (const text of ["", "0", "1", "0.01", ".5", "1.0"]) t.deepEqual(part.read(text), { value: text });
  for (const text of ["2", "1.1", "-0.1", "half", "1e-3", "0x1"]) t.true("mustBe" in part.read(text), text);
});

test("texts that make no sense are refused and never throw", (t) => {
  const property = fc.property(fc.string({ unit: "grapheme" }), (text) => {
    for (const { form } of SETTINGS) form.read(text);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

test("each service has a prefix of its own that a log on NATS can have", (t) => {
  t.is(logPrefix("default", "cart"), "default_cart");
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const property = fc.property(label, label, label, label, (ns1, name1, ns2, name2) => {
    const first = logPrefix(ns1, name1);
    const address = parseEventLogAddress(`nats://nats:4222/${first}`);
    t.is(address.kind === "nats" ? address.prefix : "", first);
    t.is(first === logPrefix(ns2, name2), ns1 === ns2 && name1 === name2);
  });
  fc.assert(property, { numRuns: 500 });
});
