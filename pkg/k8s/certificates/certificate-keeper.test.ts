// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Clock } from "../../base/mod.ts";
import { systemClock } from "../../base/mod.ts";
import { seededRandom } from "../../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { ApiServer } from "../../../test/lib/api-server.ts";
import { startApiServer } from "../../../test/lib/api-server.ts";
import { until } from "../../../test/lib/until.ts";
import { Api } from "../api/api.ts";
import { objectOrEmpty, objectsOf } from "../api/json.ts";
import { CertificateKeeper } from "./certificate-keeper.ts";
import type { Certificates } from "./certificates.ts";
import { certificatesOf, splitBundle } from "./certificates.ts";

const DAY_MS = 86_400_000;
const SECRET = "/api/v1/namespaces/x/secrets/certs";
const CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hook";

interface Replica {
  readonly served: Certificates[];
  /** For each served certificate: the signers that the API server trusted when it was first served. */
  readonly trusted: string[][];
  readonly keeper: CertificateKeeper;
}

/** Starts replicas that share one API server, with a wall clock that `later` sets forward. */
async function start(replicas: number, propagationDelayMs = 0) {
  const server = await startApiServer();
  server.put(SECRET, { kind: "Secret" });
  server.put(CONFIGURATION, {
    webhooks: [{ name: "a.hook", clientConfig: { service: { name: "s" } } }, { name: "b.hook" }],
  });
  let laterMs = 0;
  const clock: Clock = { ...systemClock, wallMs: () => Date.now() + laterMs };
  const api = new Api(server.access, { requestTimeoutMs: 5_000, maxAnswerBytes: 100_000 }, clock);
  const stop = new AbortController();
  const started = Array.from({ length: replicas }, () => {
    const served: Certificates[] = [];
    const trusted: string[][] = [];
    const keeper = new CertificateKeeper(
      {
        namespace: "x",
        secret: "certs",
        configuration: "hook",
        names: ["s.x.svc"],
        validForMs: 90 * DAY_MS,
        renewBeforeMs: 30 * DAY_MS,
        checkIntervalMs: 60_000,
        propagationDelayMs,
        backoff: { minMs: 1, maxMs: 5, jitter: 0 },
      },
      {
        api,
        clock,
        random: seededRandom(1),
        telemetry: NO_TELEMETRY,
        serve: (certificates) => {
          served.push(certificates);
          trusted.push([...trustedBy(server)]);
        },
      },
    );
    return { served, trusted, keeper, running: keeper.run(stop.signal) };
  });
  return {
    server,
    replicas: started as readonly Replica[],
    later: (byMs: number) => {
      laterMs += byMs;
    },
    async close() {
      stop.abort();
      await Promise.all(started.map(({ running }) => running));
      api.close();
      await server.close();
    },
  };
}

/** Signers that all webhooks of the configuration trust. */
function trustedBy(server: ApiServer): readonly string[] {
  const bundles = objectsOf(server.get(CONFIGURATION)?.["webhooks"]).map((webhook) => {
    const { caBundle } = objectOrEmpty(webhook["clientConfig"]);
    return typeof caBundle === "string" ? splitBundle(Buffer.from(caBundle, "base64").toString()) : [];
  });
  const [first = [], ...others] = bundles;
  return first.filter((signer) => others.every((bundle) => bundle.includes(signer)));
}

function stored(server: ApiServer): Certificates | undefined {
  return certificatesOf(objectOrEmpty(server.get(SECRET)?.["data"]));
}

test("an empty Secret is filled, the API server is told whom to trust, then the certificate is served", async (t) => {
  const { server, replicas, close } = await start(1);
  t.teardown(close);
  const [replica] = replicas;
  await until("it is served", () => replica?.served.length === 1);
  t.is(replica?.served[0]?.cert, stored(server)?.cert);
  t.deepEqual(replica?.trusted[0], replica?.served[0]?.ca as string[]);
  const [webhook] = objectsOf(server.get(CONFIGURATION)?.["webhooks"]);
  t.deepEqual(objectOrEmpty(webhook?.["clientConfig"])["service"], { name: "s" }, "nothing else was written");
});

test("replicas that start together serve one certificate", async (t) => {
  const { server, replicas, close } = await start(4);
  t.teardown(close);
  await until("all serve", () => replicas.every(({ served }) => served.length === 1));
  const certs = new Set(replicas.map(({ served }) => served[0]?.cert));
  t.deepEqual([...certs], [stored(server)?.cert]);
});

test("a certificate is renewed before its end by one replica, and both are trusted while it is exchanged", async (t) => {
  const { server, replicas, later, close } = await start(2, 20);
  t.teardown(close);
  await until("all serve", () => replicas.every(({ served }) => served.length === 1));
  const old = stored(server);
  later(61 * DAY_MS);
  for (const { keeper } of replicas) keeper.wake();
  await until("all serve the new one", () => replicas.every(({ served }) => served.length === 2));
  const renewed = stored(server);
  t.not(renewed?.cert, old?.cert);
  for (const { served, trusted } of replicas) {
    t.is(served[1]?.cert, renewed?.cert);
    t.true(trusted[1]?.includes(renewed?.ca[0] ?? ""), "known before it was served");
    t.true(trusted[1]?.includes(old?.ca[0] ?? ""), "who serves the old one is still believed");
  }
});

test("a Secret that somebody emptied or spoilt is filled again, and what is served stays trusted", async (t) => {
  const { server, replicas, close } = await start(1);
  t.teardown(close);
  const [replica] = replicas;
  await until("it is served", () => replica?.served.length === 1);
  const signer = stored(server)?.ca[0] ?? "";
  server.put(SECRET, { kind: "Secret", data: { "tls.crt": "Z2FyYmFnZQ==", other: "a2VwdA==" } });
  replica?.keeper.wake();
  await until("a new one is served", () => replica?.served.length === 2);
  t.true(replica?.trusted[1]?.includes(signer));
  t.is(objectOrEmpty(server.get(SECRET)?.["data"])["other"], "a2VwdA==");
});

test("a bundle that somebody removed comes back", async (t) => {
  const { server, replicas, close } = await start(1);
  t.teardown(close);
  await until("it is served", () => replicas[0]?.served.length === 1);
  server.put(CONFIGURATION, { webhooks: [{ name: "a.hook" }, { name: "b.hook" }, { name: "c.hook" }] });
  replicas[0]?.keeper.wake();
  await until("it is back", () => trustedBy(server).length === 1);
  t.is(replicas[0]?.served.length, 1);
});

test("a replica that is behind takes no trust away", async (t) => {
  const { server, replicas, close } = await start(1);
  t.teardown(close);
  await until("it is served", () => replicas[0]?.served.length === 1);
  // Another replica is ahead: it has added its signer to the configuration, and has kept ours.
  const bundle = Buffer.from(
    `${trustedBy(server).join("\n")}\n-----BEGIN CERTIFICATE-----\nnewer\n-----END CERTIFICATE-----\n`,
  );
  const webhooks = ["a.hook", "b.hook"].map((name) => ({
    name,
    clientConfig: { caBundle: bundle.toString("base64") },
  }));
  server.put(CONFIGURATION, { webhooks });
  const asked = server.requests.length;
  replicas[0]?.keeper.wake();
  await until("it looked", () => server.requests.length >= asked + 2);
  t.is(trustedBy(server).length, 2);
  t.false(server.requests.slice(asked).some((request) => request.startsWith("PATCH")));
});

test("failures of the API server delay, and end nothing", async (t) => {
  const { server, replicas, close } = await start(1);
  t.teardown(close);
  server.failNext(500, 5);
  let conflicts = 3;
  server.beforeWrite = () => {
    // Another client writes the Secret first, three times.
    if (conflicts-- > 0) server.put(SECRET, { kind: "Secret" });
  };
  await until("it is served in the end", () => replicas[0]?.served.length === 1);
  t.is(replicas[0]?.served[0]?.cert, stored(server)?.cert);
});
