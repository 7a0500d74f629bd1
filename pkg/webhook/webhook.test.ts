// SPDX-License-Identifier: Apache-2.0

import { request } from "node:https";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { Logger } from "../base/mod.ts";
import { silentLogger, systemClock } from "../base/mod.ts";
import { seededRandom } from "../base/test-doubles/mod.ts";
import type { JsonObject } from "../k8s/mod.ts";
import { objectOf, objectsOf, textOf } from "../k8s/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import type { ApiServer } from "../../test/lib/api-server.ts";
import { startApiServer } from "../../test/lib/api-server.ts";
import { until } from "../../test/lib/until.ts";
import { webhookOptions } from "./options.ts";
import { knativePod } from "./testdata/knative-pod.ts";
import type { Webhook } from "./webhook.ts";
import { startWebhook } from "./webhook.ts";

const NAMESPACE = "/api/v1/namespaces/perdure-system";
const CONFIGURATION =
  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhook.perdure.dev";
const CONFIG = `${NAMESPACE}/configmaps/config-perdure`;
const QUICK = { port: "0", host: "127.0.0.1", "backoff-min": "1", "backoff-max": "5", "shutdown-delay": "0" };

/** Starts an API server with the Secret and the webhook configuration that `kubectl apply -k config` creates. */
async function installed(t: ExecutionContext): Promise<ApiServer> {
  const server = await startApiServer();
  t.teardown(() => server.close());
  server.put(`${NAMESPACE}/secrets/webhook-certs`, { kind: "Secret" });
  server.put(CONFIGURATION, { webhooks: [{ name: "pods.webhook.perdure.dev" }] });
  return server;
}

function start(
  server: ApiServer,
  flags: Record<string, string> = {},
  signal?: AbortSignal,
  logger: Logger = silentLogger,
): Promise<Webhook> {
  return startWebhook(webhookOptions({ ...QUICK, ...flags }, {}), {
    access: server.access,
    clock: systemClock,
    random: seededRandom(1),
    telemetry: logsOnly(logger),
    ...(signal !== undefined && { signal }),
  });
}

/**
 * Sends a review, or a GET without one, as the API server does: trusts the `caBundle` of the configuration, and
 * expects the name of the Service in the certificate.
 */
function ask(server: ApiServer, { port }: Webhook, path: string, question?: unknown): Promise<JsonObject> {
  const [webhook] = objectsOf(server.get(CONFIGURATION)?.["webhooks"]);
  const ca = Buffer.from(textOf(objectOf(webhook?.["clientConfig"])?.["caBundle"]) ?? "", "base64");
  return new Promise((resolve, reject) => {
    const method = question === undefined ? "GET" : "POST";
    const servername = "webhook.perdure-system.svc";
    const asked = request(
      { host: "127.0.0.1", port, path, method, ca, servername, agent: false },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve(
            response.statusCode === 200 && question !== undefined
              ? (JSON.parse(text) as JsonObject)
              : { status: response.statusCode },
          );
        });
      },
    );
    asked.on("error", reject).end(question === undefined ? undefined : JSON.stringify(question));
  });
}

async function injectedImage(server: ApiServer, webhook: Webhook): Promise<string> {
  const answer = await ask(server, webhook, "/admit", {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "1",
      resource: { group: "", version: "v1", resource: "pods" },
      operation: "CREATE",
      namespace: "default",
      object: knativePod(),
    },
  });
  const response = objectOf(answer["response"]);
  const patch = Buffer.from(textOf(response?.["patch"]) ?? "", "base64").toString();
  return /"image":"([^"]+)"/.exec(patch)?.[1] ?? textOf(objectOf(response?.["status"])?.["message"]) ?? "";
}

test("it makes its certificate, has it trusted, reads config-perdure, and answers", async (t) => {
  const server = await installed(t);
  server.put(CONFIG, { data: { "proxy-image": "dev.local/perdure-proxy:dev" } });
  const webhook = await start(server);
  t.teardown(() => webhook.stop());
  await until("it is ready", async () => (await ask(server, webhook, "/readyz"))["status"] === 200);
  t.is(await injectedImage(server, webhook), "dev.local/perdure-proxy:dev");
});

test("config-perdure counts as soon as it is changed, and what was right before goes on when it is wrong", async (t) => {
  const server = await installed(t);
  const webhook = await start(server);
  t.teardown(() => webhook.stop());
  const image = () => injectedImage(server, webhook);
  await until("it has seen that there is none", async () => (await image()).includes("does not exist"));
  server.put(CONFIG, { data: { "log-level": "loud" } });
  await until("it says what is wrong", async () =>
    /log-level.*proxy-image is missing.*BAD_CONFIGURATION/.test(await image()),
  );
  server.put(CONFIG, { data: { "proxy-image": "first" } });
  await until("it is right", async () => (await image()) === "first");
  server.put(CONFIG, { data: { "proxy-image": "second", "log-level": "loud" } });
  server.put(CONFIG, undefined);
  // A valid change follows the invalid ones, because a webhook that has read it has read them too.
  server.put(CONFIG, { data: { "proxy-image": "first", "log-level": "warn" } });
  server.put(CONFIG, { data: { "proxy-image": "" } });
  for (let count = 0; count < 20; count += 1) t.is(await image(), "first");
});

test("I11: what it says of each question is said a few times, and then how often", async (t) => {
  const server = await installed(t);
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const webhook = await start(server, { "log-repeat-lines": "5" }, undefined, logger);
  // Without a configuration every pod is refused.
  for (let count = 0; count < 30; count++) await injectedImage(server, webhook);
  await webhook.stop();
  t.is(lines.filter((line) => line.startsWith("refused ")).length, 5);
  t.is(lines.at(-1), 'lines with the same message were left out {"of":"refused","count":25}');
});

test("an API server that is not there yet is waited for, until we are told to stop", async (t) => {
  const server = await installed(t);
  server.failNext(503, 10);
  const webhook = await start(server);
  await webhook.stop();
  // Any error will do, because another server may have taken the port by now.
  await t.throwsAsync(ask(server, webhook, "/livez"));

  server.failNext(503, 1_000_000);
  const stop = new AbortController();
  const starting = start(server, {}, stop.signal);
  stop.abort(new Error("told to stop"));
  await t.throwsAsync(starting, { message: "told to stop" });
  // The server learns a moment later that those of the first one are closed.
  await until("nobody watches any more", () => server.watches === 0);
});

test("a port that is taken ends the start", async (t) => {
  const server = await installed(t);
  const webhook = await start(server);
  t.teardown(() => webhook.stop());
  await t.throwsAsync(start(server, { port: String(webhook.port) }), { code: "WEBHOOK_PORT_UNUSABLE" });
});

test("certificates must live longer than the time before their end at which they are renewed", (t) => {
  t.throws(() => webhookOptions({ "renew-before-days": "90" }, {}), { code: "BAD_SETTING" });
  t.notThrows(() => webhookOptions({ "renew-before-days": "89" }, {}));
});
