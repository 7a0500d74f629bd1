// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../../../hack/bundle/bundle.ts";
import { programOf } from "../../../hack/bundle/programs.ts";
import { startApiServer } from "../../lib/api-server.ts";
import type { RunningProcess, TestScope } from "../../lib/processes.ts";
import { startProcess, temporaryFolder } from "../../lib/processes.ts";
import { until } from "../../lib/until.ts";
import { httpCaller } from "../calls.ts";
import { HOST } from "../target.ts";

const NAMESPACE = "/api/v1/namespaces/perdure-system";
const CONFIGURATION =
  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhook.perdure.dev";

const READY_TIMEOUT_MS = 5_000;

/** The webhook as it is in its pod: the program of the image as a process, beside an API server. */
export interface WebhookProcess extends RunningProcess {
  readonly port: number;
}

interface WebhookCommand {
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** As `startProcess` takes it. */
  readonly prefix: readonly string[];
}

/** Starts it, and waits until it is ready. */
export async function startWebhookProcess(
  scope: TestScope,
  { env, args, prefix }: WebhookCommand,
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
  // Bundled as in the image, because a webhook run from its sources would also hold the memory of the TypeScript
  // compiler.
  await bundle(programOf("webhook").entry, join(folder, "program"));
  const program = join(folder, "program", "main.mjs");
  const settings = {
    KUBERNETES_SERVICE_HOST: server.access.host,
    KUBERNETES_SERVICE_PORT: server.access.port,
    PERDURE_SERVICE_ACCOUNT: folder,
    PERDURE_WEBHOOK_HOST: HOST,
    PERDURE_WEBHOOK_PORT: 0,
    PERDURE_PROPAGATION_DELAY_MS: 0,
    PERDURE_SHUTDOWN_DELAY_MS: 0,
    ...env,
  };
  const running = startProcess(scope, program, settings, args, prefix);
  const port = await running.line("listening", (line) => {
    const { message, port } = line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : {};
    return message === "listening" ? Number(port) : undefined;
  });
  const probe = httpCaller(port, "/readyz", { tls: true });
  const isReady = (): Promise<boolean> =>
    probe.call(AbortSignal.timeout(READY_TIMEOUT_MS)).then(
      () => true,
      () => false,
    );
  await until("it is ready", isReady);
  probe.hangUp();
  return { ...running, port };
}
