// SPDX-License-Identifier: Apache-2.0

import { request } from "node:http";
import { networkInterfaces } from "node:os";

import test from "ava";

import { systemClock, systemRandom } from "../base/mod.ts";
import type { JsonObject } from "../k8s/mod.ts";
import { objectOf, objectsOf, textOf } from "../k8s/mod.ts";
import { proxyOptions, startProxy } from "../proxy/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { admitPod } from "./admit-pod.ts";
import { newDrainSecret } from "./drain-secret.ts";
import { applied, CONFIGURATION } from "./testdata/apply.ts";
import { knativePod } from "./testdata/knative-pod.ts";

/** The proxy's container in a pod that the webhook has changed. */
function proxyContainer(): JsonObject {
  const decision = admitPod(knativePod() as unknown as JsonObject, "default", CONFIGURATION, newDrainSecret);
  return objectsOf(applied(knativePod(), decision).spec.containers).at(-1) ?? {};
}

interface Hook {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

function hookOf(container: JsonObject): Hook {
  const get = objectOf(objectOf(objectOf(container["lifecycle"])?.["preStop"])?.["httpGet"]) ?? {};
  const headers = objectsOf(get["httpHeaders"]).map(({ name, value }) => [textOf(name), textOf(value)]);
  return { path: textOf(get["path"]) ?? "", headers: Object.fromEntries(headers) as Hook["headers"] };
}

/**
 * Sends the request that the kubelet sends for a hook (pkg/kubelet/lifecycle/handlers.go). The kubelet sends it from
 * the node's address to the pod's, so `host` should not be loopback. Resolves with the HTTP status.
 */
function callHook(host: string, port: number, { path, headers }: Hook): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const own = { "user-agent": "kube-lifecycle/1.34", accept: "*/*" };
    const called = request(
      { host, port, path, headers: { ...own, ...headers }, agent: false },
      (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      },
    );
    called.on("error", reject).end();
  });
}

test("the hook that the webhook makes drains the proxy that it starts, and no other pod's hook does", async (t) => {
  const container = proxyContainer();
  const env = Object.fromEntries(
    objectsOf(container["env"]).map(({ name, value }) => [textOf(name), textOf(value)]),
  );
  const secret = { PERDURE_DRAIN_SECRET: env["PERDURE_DRAIN_SECRET"], PERDURE_DRAIN_ANSWER_TIMEOUT_MS: "0" };
  const local = { HTTP_PORT: "0", ADMIN_PORT: "0", PERDURE_LOG: "memory:" };
  const proxy = await startProxy(proxyOptions({}, { ...local, ...secret }), {
    clock: systemClock,
    random: systemRandom,
    telemetry: NO_TELEMETRY,
  });
  t.teardown(() => proxy.stop());
  const outside = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4");
  if (outside === undefined) t.log("this machine has no address but loopback: the hook comes from there");
  const host = outside?.address ?? "127.0.0.1";
  const readyz = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${proxy.adminPort}/readyz`)).text();

  const foreign = hookOf(proxyContainer());
  t.not(foreign.headers["perdure-drain-secret"], env["PERDURE_DRAIN_SECRET"]);
  t.is(await callHook(host, proxy.adminPort, foreign), 403);
  t.is(await callHook(host, proxy.adminPort, { path: "/drain", headers: {} }), 403);
  t.notRegex(await readyz(), /draining/);
  t.is(await callHook(host, proxy.adminPort, hookOf(container)), 200);
  t.regex(await readyz(), /draining/);
});

test("each pod has a secret of its own that cannot be guessed", (t) => {
  const secrets = Array.from({ length: 100 }, newDrainSecret);
  t.is(new Set(secrets).size, secrets.length);
  for (const secret of secrets) {
    t.is(Buffer.from(secret, "base64url").length, 32);
    t.notThrows(() => proxyOptions({}, { PERDURE_DRAIN_SECRET: secret }));
  }
});
