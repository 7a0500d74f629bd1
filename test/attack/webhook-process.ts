// SPDX-License-Identifier: Apache-2.0

import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";

import { bundle } from "../../hack/bundle/bundle.ts";
import { programOf } from "../../hack/bundle/programs.ts";
import { startApiServer } from "../lib/api-server.ts";
import { startProcess, temporaryFolder } from "../lib/processes.ts";
import type { RunningProcess, TestScope } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

const NAMESPACE = "/api/v1/namespaces/perdure-system";
const CONFIGURATION =
  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhook.perdure.dev";

/** The webhook as it is in its pod: the program of the image as a process, beside an API server. */
export interface WebhookProcess extends RunningProcess {
  readonly port: number;
  /** The largest memory that was resident at any time so far, in MiB. */
  peakMiB(): number;
  /** Asks from 127.0.0.1, as the kubelet or the API server would. Rejects if there is no answer after `withinMs`. */
  ask(path: string, question?: object, withinMs?: number): Promise<WebhookAnswer>;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

/** Starts it, and waits until it is ready. */
export async function startWebhookProcess(
  scope: TestScope,
  env: Readonly<Record<string, string | number>> = {},
): Promise<WebhookProcess> {
  const server = await startApiServer();
  scope.teardown(() => server.close());
  server.put(`${NAMESPACE}/secrets/webhook-certs`, { kind: "Secret" });
  server.put(CONFIGURATION, { webhooks: [{ name: "pods.webhook.perdure.dev" }] });
  server.put(`${NAMESPACE}/configmaps/config-perdure`, {
    data: { "proxy-image": "dev.local/perdure-proxy:dev" },
  });
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "ca.crt"), server.access.ca);
  writeFileSync(join(folder, "token"), await server.access.token());
  // As in the image: from the sources it would be the compiler of TypeScript, too, that takes memory.
  await bundle(programOf("webhook").entry, join(folder, "program"));
  const running = startProcess(scope, join(folder, "program", "main.mjs"), {
    KUBERNETES_SERVICE_HOST: server.access.host,
    KUBERNETES_SERVICE_PORT: server.access.port,
    PERDURE_SERVICE_ACCOUNT: folder,
    PERDURE_WEBHOOK_HOST: "0.0.0.0",
    PERDURE_WEBHOOK_PORT: 0,
    PERDURE_PROPAGATION_DELAY_MS: 0,
    PERDURE_SHUTDOWN_DELAY_MS: 0,
    ...env,
  });
  const port = await running.line("listening", (line) => {
    const { message, port } = line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : {};
    return message === "listening" ? Number(port) : undefined;
  });
  const webhook: WebhookProcess = {
    ...running,
    port,
    peakMiB: () => {
      const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running.pid}/status`, "utf8")) ?? [];
      return Number(kib) / 1_024;
    },
    ask: (path, question, withinMs = 5_000) => ask(port, path, question, withinMs),
  };
  await until("it is ready", async () => (await webhook.ask("/readyz")).status === 200);
  return webhook;
}

function ask(
  port: number,
  path: string,
  question: object | undefined,
  withinMs: number,
): Promise<WebhookAnswer> {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: question === undefined ? "GET" : "POST",
        rejectUnauthorized: false,
        agent: false,
        signal: AbortSignal.timeout(withinMs),
      },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("error", reject).on("end", () => {
          resolve({ status: response.statusCode ?? 0, body, ms: performance.now() - beganMs });
        });
      },
    );
    asked.on("error", reject).end(question === undefined ? undefined : JSON.stringify(question));
  });
}
