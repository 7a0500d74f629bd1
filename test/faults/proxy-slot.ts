// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";
import type { ClusterView } from "../../pkg/cluster/node/mod.ts";

import { monotonicUs } from "../lib/history.ts";
import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import type { ProxyProcess, TestScope } from "../lib/processes.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

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

/** Pause before it is asked again whether it is ready, in milliseconds. */
const READY_EVERY_MS = 20;

/** What a proxy says when it is a member. */
const JOINED = '"cluster: joined"';

/** How long its admin port may take for an answer. */
const ASK_TIMEOUT_MS = 5_000;

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
  /** Processes whose end is asked for. */
  readonly #expected = new Set<number>();
  #isAsked = true;
  #goneUs = 0;
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
    this.#expected.add(running.pid);
    this.#running = running.kill("SIGKILL").then(() => this.#bringUp());
    await this.#running;
  }

  /** SIGTERM, and a new one after `downMs`. Meanwhile it is not asked. */
  async replace(downMs: number): Promise<void> {
    const running = await this.#running;
    this.#isAsked = false;
    this.#expected.add(running.pid);
    this.#running = running.kill("SIGTERM").then(async ({ code, signal }) => {
      this.#goneUs = monotonicUs();
      if (code !== 0) this.#unasked.push(`the proxy did not end in order: ${signal ?? `exit code ${code}`}`);
      await delay(downMs);
      return this.#bringUp();
    });
    await this.#running;
    await this.#untilReady();
    this.#isAsked = true;
  }

  /** Whether callers ask it at the moment. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** When it has ended in order the last time, on the clock of the history. */
  get goneUs(): number {
    return this.#goneUs;
  }

  /** When the proxy that runs now has joined the others, in milliseconds of the wall clock; 0 if it has not said so. */
  get joinedMs(): number {
    const line = this.#processes.at(-1)?.stdout.findLast((text) => text.includes(JOINED));
    return line === undefined ? 0 : Date.parse((JSON.parse(line) as { readonly time: string }).time);
  }

  /** Who owns what, as it knows it; undefined if it does not say. */
  async shards(): Promise<ClusterView | undefined> {
    const answer = await this.#ask("shards?format=json");
    return answer?.json().catch(() => undefined) as Promise<ClusterView | undefined>;
  }

  async #untilReady(): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      if ((await this.#ask("readyz"))?.ok === true) return true;
      await delay(READY_EVERY_MS);
      return false;
    };
    await until("the proxy is ready", isReady, UP_TIMEOUT_MS);
  }

  async #ask(path: string): Promise<Response | undefined> {
    const { adminPort } = await this.#running;
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
    return fetch(`http://127.0.0.1:${adminPort}/${path}`, { signal }).catch(() => undefined);
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
      if (this.#isEnding || this.#expected.has(started.pid)) return;
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
