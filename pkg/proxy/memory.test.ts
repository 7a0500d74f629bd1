// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { defaultsOf } from "../settings/mod.ts";

import { divideMemory } from "./memory.ts";
import { PROXY_SETTINGS } from "./settings.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;

const { maxConnections, maxBufferedBytes, maxOpenRequests, maxRequestBytes } = defaultsOf(PROXY_SETTINGS);

test("by default there are floors for more connections than one address may have", (t) => {
  const { bytes } = divideMemory(maxBufferedBytes, maxOpenRequests).callers;
  for (let i = 0; i < maxConnections / 2; i++) bytes.holder().overdraw(MIB);
  t.true(bytes.holder().take(16 * KIB));
});

test("by default every connection may have an open request, however many others have", (t) => {
  const { requests } = divideMemory(maxBufferedBytes, maxOpenRequests).callers;
  const address = requests.group();
  for (let i = 1; i < maxConnections; i++) address.holder().overdraw(100);
  t.true(address.holder().take(1));
});

test("by default one connection alone has room for a request and a response of the greatest size", (t) => {
  const { bytes } = divideMemory(maxBufferedBytes, maxOpenRequests).callers;
  t.true(bytes.holder().take(2 * maxRequestBytes + 8 * KIB));
});
