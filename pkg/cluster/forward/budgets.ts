// SPDX-License-Identifier: Apache-2.0

import type { Account, Charge, Holder } from "../../base/mod.ts";
import { getOrMake } from "../../base/mod.ts";

import type { ForwardOptions } from "./options.ts";
import { CALL_BYTES } from "./options.ts";

/** One call, as far as it is counted. */
export interface Budgeted {
  readonly peer: string;
  /** Holds the bytes of the call's messages; `Budgets.close` closes it. */
  readonly charge: Charge;
}

interface Share {
  readonly holder: Holder;
  calls: number;
}

/** Counts the calls that are under way with each peer, and their bytes (I11). */
export class Budgets {
  readonly #memory: Account;
  readonly #options: Pick<ForwardOptions, "maxPeerCalls" | "maxPeerBytes">;
  readonly #shares = new Map<string, Share>();

  constructor(memory: Account, options: Pick<ForwardOptions, "maxPeerCalls" | "maxPeerBytes">) {
    this.#memory = memory;
    this.#options = options;
  }

  /** Undefined: as much as may be is under way with this peer, or no memory is left for it. */
  open(peer: string, bytes: number): Budgeted | undefined {
    const share = getOrMake(this.#shares, peer, () => ({ holder: this.#memory.holder(), calls: 0 }));
    const budgeted = { peer, charge: share.holder.charge() };
    share.calls++;
    if (share.calls <= this.#options.maxPeerCalls && this.#take(budgeted, CALL_BYTES + bytes))
      return budgeted;
    this.close(budgeted);
    return undefined;
  }

  /** Counts so many bytes in place of those that the call had. False: there is no room for them. */
  replace(budgeted: Budgeted, bytes: number): boolean {
    budgeted.charge.holdExactly(CALL_BYTES);
    return this.#take(budgeted, bytes);
  }

  /** To be called once for each call. */
  close({ peer, charge }: Budgeted): void {
    charge.close();
    const share = this.#shares.get(peer);
    if (share !== undefined && --share.calls === 0) this.#shares.delete(peer);
  }

  #take({ peer, charge }: Budgeted, bytes: number): boolean {
    const used = this.#shares.get(peer)?.holder.used ?? 0;
    return used + bytes <= this.#options.maxPeerBytes && charge.take(bytes);
  }
}
