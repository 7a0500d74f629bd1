// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";

import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import type { GoOutcome, GoPeer, RunningGoPeer } from "./test-peers/go-peer.ts";
import { buildGoPeer, callWithGoPeer, serveGoPeer } from "./test-peers/go-peer.ts";
import type { Expect } from "./test-peers/interop-peer.ts";
import { CLIENT_CHECKS, FAIL_TEXT, MEBIBYTE, startTestServer } from "./test-peers/interop-peer.ts";

let go: GoPeer;
let peer: RunningGoPeer | undefined;
let connection: Connection | undefined;
let outcomes: ReadonlyMap<string, GoOutcome>;

test.before(async (t) => {
  // The first build fetches and compiles grpc-go.
  t.timeout(600_000);
  go = await buildGoPeer();
  if ("skipped" in go) {
    console.log(`skipped: ${go.skipped}`);
    return;
  }
  peer = await serveGoPeer(go.program);
  const { port } = peer;
  connection = await connect({ host: "127.0.0.1", port, clock: systemClock, maxReceiveBytes: 4 * MEBIBYTE });
  const server = await startTestServer({ maxReceiveBytes: 4 * MEBIBYTE });
  outcomes = await callWithGoPeer(go.program, server.port);
  await server.cancelled();
  await server.close();
});

test.after.always(async () => {
  await connection?.close();
  await peer?.stop();
});

function expecting(t: ExecutionContext): Expect {
  return {
    deepEqual: (found, expected) => void t.deepEqual(found, expected),
    async throws(call, expected) {
      t.like(await t.throwsAsync(call), expected);
    },
  };
}

function skip(t: ExecutionContext): void {
  t.log("skipped");
  t.pass();
}

for (const [name, check] of Object.entries(CLIENT_CHECKS)) {
  test(`our client, grpc-go: ${name}`, async (t) => {
    if (connection === undefined) return skip(t);
    await check(expecting(t), connection);
  });
}

const EXPECTED: Readonly<Record<string, Partial<GoOutcome>>> = {
  echo: { code: "OK", length: 5, same: true },
  empty: { code: "OK", length: 0, same: true },
  fail: { code: "NotFound", message: FAIL_TEXT },
  unknown: { code: "Unimplemented" },
  large: { code: "OK", length: 4 * MEBIBYTE, same: true },
  "too large": { code: "ResourceExhausted" },
  gzip: { code: "OK", length: 160_000, same: true },
  deadline: { code: "DeadlineExceeded" },
  cancel: { code: "Canceled" },
  pipe: { code: "OK", same: true },
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`grpc-go, our server: ${name}`, (t) => {
    if ("skipped" in go) return skip(t);
    t.like(outcomes.get(name), expected);
  });
}

test("grpc-go, our server: metadata goes both ways, with all values of a name", (t) => {
  if ("skipped" in go) return skip(t);
  t.like(outcomes.get("echo"), {
    header: { "x-echo": ["one", "two"] },
    trailer: { "x-echo": ["one", "two"], "x-echo-bin": ["00ff"] },
  });
  t.like(outcomes.get("fail")?.trailer, { "x-why": ["because"], "perdure-error-code": ["NO_OIL"] });
});
