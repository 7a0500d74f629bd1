// SPDX-License-Identifier: Apache-2.0

import { Account } from "../base/mod.ts";
import type { CallerAccounts } from "../grpc/mod.ts";
import { callerAccounts } from "../grpc/mod.ts";

/** Accounts, in bytes, of the memory for data that waits: one for each kind of data (I11). */
export interface Memory {
  /** Requests with their responses. */
  readonly callers: CallerAccounts;
  /** Messages of the user function that have arrived only in part. */
  readonly replies: Account;
  /** Histories on their way from the log to the user function. */
  readonly activations: Account;
  /** Side effects under way, which have no caller. */
  readonly effects: Account;
  /** Commands on their way from and to other proxies. It comes on top of the whole, and is used in a cluster only. */
  readonly peers: Account;
}

/** The accounts of bytes by the names that people read. @param hasPeers whether the proxy is one of a cluster */
export function byteAccounts(
  { callers, replies, activations, effects, peers }: Memory,
  hasPeers: boolean,
): Readonly<Record<string, Account>> {
  return { callers: callers.bytes, replies, activations, effects, ...(hasPeers && { peers }) };
}

/** In sixteenths of the whole. The proxy's own work has separate accounts, so that callers cannot use up its memory. */
const PARTS = { callers: 11, replies: 3, activations: 1, effects: 1 };

/** In sixteenths, on top of the whole: two of the largest messages between proxies. */
const PEERS = 6;

const WHOLE = 16;

/** Divides `maxBytes`. */
export function divideMemory(maxBytes: number, maxRequests: number): Memory {
  const part = (sixteenths: number): number => Math.floor((maxBytes / WHOLE) * sixteenths);
  return {
    callers: callerAccounts(part(PARTS.callers), maxRequests),
    replies: new Account(part(PARTS.replies)),
    activations: new Account(part(PARTS.activations)),
    effects: new Account(part(PARTS.effects)),
    peers: new Account(part(PEERS)),
  };
}
