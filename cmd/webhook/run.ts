// SPDX-License-Identifier: Apache-2.0

import {
  describeError,
  keepWithoutReaders,
  MAX_DELAY_MS,
  stopSignal,
  systemClock,
  systemRandom,
} from "../../pkg/base/mod.ts";
import { inClusterAccess } from "../../pkg/k8s/mod.ts";
import { SettingError } from "../../pkg/settings/mod.ts";
import { createLogger, logsOnly } from "../../pkg/telemetry/mod.ts";
import type { Webhook } from "../../pkg/webhook/mod.ts";
import { startWebhook, webhookOptions } from "../../pkg/webhook/mod.ts";

import { parseFlags } from "./flags.ts";

const EXIT_STOPPED = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the webhook until it is told to stop. Ends the process: 0 as asked, 1 could not start, 2 wrong usage. */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // Keeps this process alive: while it only waits for the next try, Node would end it.
  setInterval(() => undefined, MAX_DELAY_MS);
  keepWithoutReaders("perdure-webhook");
  const stop = new AbortController();
  const stopRequested = stopSignal(() => process.exit(EXIT_FAILED)).then(() => stop.abort());
  try {
    const webhook = await start(argv, env, stop.signal).catch((error: unknown) => {
      // The webhook was told to stop while it waited for the API server.
      if (stop.signal.aborted) process.exit(EXIT_STOPPED);
      throw error;
    });
    await stopRequested;
    await webhook.stop();
    process.exit(EXIT_STOPPED);
  } catch (error) {
    process.stderr.write(`perdure-webhook: ${describeError(error)}\n`);
    process.exit(error instanceof SettingError ? EXIT_USAGE : EXIT_FAILED);
  }
}

async function start(argv: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Webhook> {
  const options = webhookOptions(parseFlags(argv), env);
  const telemetry = logsOnly(createLogger(options.logLevel, process.stdout));
  const access = await inClusterAccess(env, options.serviceAccount);
  return startWebhook(options, { access, clock: systemClock, random: systemRandom, telemetry, signal });
}
