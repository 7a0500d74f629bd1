// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import type { ProxyProcess, TestScope } from "../lib/processes.ts";
import { startProxyProcess } from "../lib/processes.ts";

/** A program that runs in place of the proxy. */
export interface ProxyProgram {
  readonly main: string;
  readonly args: readonly string[];
}

export interface SlotOptions {
  readonly env: Readonly<Record<string, string | number>>;
  readonly program?: ProxyProgram | undefined;
  readonly callers: number;
}

/** How long a proxy may take to become ready, restarts included, in milliseconds. */
const UP_TIMEOUT_MS = 60_000;
const RESTART_PAUSE_MS = 100;

/**
 * A proxy that is restarted when it ends, always on the same port.
 *
 * 1. A proxy that ends during its start is started again, as in a pod, until `UP_TIMEOUT_MS` is over.
 * 2. A proxy that ends later without having been told to is restarted as well, and is recorded in `unasked`.
 * 3. A stopped process does not outlive this one. It cannot notice this process's end by itself, so it has a guard.
 */
export class ProxySlot {
  readonly client: HttpClient;
  readonly #start: () => Promise<ProxyProcess>;
  readonly #processes: ProxyProcess[] = [];
  readonly #unasked: string[] = [];
  #isEnding = false;
  #running: Promise<ProxyProcess>;

  /** Use `openSlot`. */
  constructor(start: () => Promise<ProxyProcess>, client: HttpClient) {
    this.client = client;
    this.#start = start;
    this.#running = this.#bringUp();
  }

  /** Waits until the proxy is ready. */
  async up(): Promise<void> {
    await this.#running;
  }

  /** SIGKILL, and a new one. */
  async crash(): Promise<void> {
    const running = await this.#running;
    this.#running = running.kill("SIGKILL").then(() => this.#bringUp());
    await this.#running;
  }

  /** SIGSTOP, and SIGCONT later. */
  async pause(holdMs: number): Promise<void> {
    const { pid } = await this.#running;
    const guard = guardProcess(pid);
    process.kill(pid, "SIGSTOP");
    try {
      await delay(holdMs);
    } finally {
      process.kill(pid, "SIGCONT");
      guard.release();
    }
  }

  /** Ends it in an orderly way, for good. */
  async end(): Promise<void> {
    const running = await this.#running;
    this.abandon();
    await running.kill("SIGTERM");
  }

  /** From now on an end of the proxy is expected, and no restart follows. */
  abandon(): void {
    this.#isEnding = true;
    this.client.close();
  }

  /** Descriptions of the ends that were not requested. */
  get unasked(): readonly string[] {
    return this.#unasked;
  }

  /** The output of all its processes, one after the other. */
  get output(): string[] {
    return this.#processes.flatMap(({ pid, stdout, stderr }) => [`process ${pid}`, ...stdout, ...stderr]);
  }

  #bringUp(): Promise<ProxyProcess> {
    const running = this.#tryToStart();
    // The error of a failed start reaches the caller that awaits `#running`.
    running.catch(() => undefined);
    void running.then(async (started) => {
      const { code, signal } = await started.exited;
      if (this.#isEnding || this.#running !== running) return;
      this.#unasked.push(`the proxy ended by itself: ${signal ?? `exit code ${code}`}`);
      this.#running = this.#bringUp();
    });
    return running;
  }

  async #tryToStart(): Promise<ProxyProcess> {
    const endMs = performance.now() + UP_TIMEOUT_MS;
    for (;;) {
      try {
        const started = await this.#start();
        this.#processes.push(started);
        await started.ready();
        return started;
      } catch (error) {
        if (this.#isEnding || performance.now() > endMs) throw error;
        await delay(RESTART_PAUSE_MS);
      }
    }
  }
}

export async function openSlot(scope: TestScope, { env, program, callers }: SlotOptions): Promise<ProxySlot> {
  const port = await freePort("127.0.0.1", systemRandom);
  const client = httpClient(port, { connections: callers });
  const start = () => startProxyProcess(scope, { ...env, HTTP_PORT: port }, program);
  const slot = new ProxySlot(start, client);
  scope.teardown(() => slot.abandon());
  await slot.up();
  return slot;
}
