// SPDX-License-Identifier: Apache-2.0

import { assert, sleep } from "../../base/mod.ts";
import type { ForwardedRequest } from "../../cluster/forward/mod.ts";
import { ForwardOwner, forwardOptions } from "../../cluster/forward/mod.ts";
import type { PeerId } from "../../cluster/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import type { Router } from "../../router/mod.ts";
import { peerCommands } from "../../router/wire/mod.ts";

import type { Shared } from "../parts/shared.ts";

/** Pause before it tries again to take commands, in milliseconds. */
const AGAIN_MS = 100;

/**
 * Takes the commands that other proxies send to this one, as the member that it is at the moment.
 *
 * 1. A further incarnation takes commands in place of the one before, whose open commands still get answers. What
 *    entities of this proxy gave for them does not pass the gate (I8): they begin again at the new owner, or fail.
 * 2. Incarnations begin and end one after the other, whatever happens meanwhile.
 * 3. A member that others know takes commands, however often NATS fails while it begins: it tries until it does, or is
 *    that member no more. Otherwise it would own shards, and be deaf to all who ask for them.
 */
export class PeerDesk {
  readonly options: ReturnType<typeof forwardOptions>;
  readonly #dependencies: Pick<Shared, "clock" | "telemetry" | "memory">;
  #handle: ((request: ForwardedRequest) => Promise<Uint8Array>) | undefined;
  #owner: ForwardOwner | undefined;
  /** The member that it is at the moment. */
  #self: PeerId | undefined;
  /** Those of former incarnations that still have commands to answer. */
  readonly #ending = new Map<ForwardOwner, Promise<void>>();
  #turn: Promise<void> = Promise.resolve();

  /** @throws SettingError if the settings of commands between proxies do not go together. */
  constructor(dependencies: Pick<Shared, "clock" | "telemetry" | "memory" | "options">) {
    this.#dependencies = dependencies;
    this.options = forwardOptions(dependencies.options);
  }

  serveBy(router: Pick<Router, "fromPeer">): void {
    this.#handle = peerCommands(router, this.#dependencies.telemetry);
  }

  /** Commands of other proxies that are carried out. */
  get open(): number {
    let open = this.#owner?.open ?? 0;
    for (const owner of this.#ending.keys()) open += owner.open;
    return open;
  }

  /** Takes commands for this member from now on; undefined: for none. */
  serveAs(self: PeerId | undefined, link: NatsLink, prefix: string): void {
    this.#self = self;
    this.#turn = this.#turn.then(() => this.#replace(self, link, prefix));
  }

  /** Resolves when all commands of others have ended, those of former incarnations too. The caller bounds the wait. */
  async close(): Promise<void> {
    this.#self = undefined;
    await this.#turn;
    this.#endOwner();
    await Promise.all(this.#ending.values());
  }

  /** Takes none any more, at once, and waits for nothing. */
  stop(): void {
    this.#self = undefined;
    this.#endOwner();
  }

  #endOwner(): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    this.#owner = undefined;
    const ended = owner.close().finally(() => this.#ending.delete(owner));
    this.#ending.set(owner, ended);
  }

  async #replace(self: PeerId | undefined, link: NatsLink, prefix: string): Promise<void> {
    const { clock, telemetry, memory } = this.#dependencies;
    this.#endOwner(); // (1)
    const handle = this.#handle;
    if (self === undefined) return;
    assert(handle !== undefined, "the router is there before the proxy joins");
    const shared = { link, prefix, clock, telemetry, memory: memory.peers, options: this.options };
    while (this.#self === self && this.#owner === undefined) {
      try {
        this.#owner = await ForwardOwner.open({ ...shared, self, handle });
      } catch (error) {
        telemetry.logger.warn("cluster: commands of other proxies are not taken yet", { error });
        await sleep(clock, AGAIN_MS);
      }
    }
  }
}
