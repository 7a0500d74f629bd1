// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "../attack.ts";
import { attack as halfSent } from "./half-sent.ts";
import { attack as idlePreface } from "./idle-preface.ts";
import { attack as unreadReplies } from "./unread-replies.ts";

/** The memory in MiB that `docs/security.md`, section Memory, computes for these flags. */
const COMPUTED_MIB = 713;

/**
 * The most that all senders together can do, not just one. It measures the memory of a proxy whose connections are
 * all taken and whose byte accounts are full.
 */
export const attack: Attack = {
  name: "at-its-bounds",
  about: "10,000 connections, half-sent messages and unread replies at once, with every account full",
  bounds: [],
  processes: 2,
  seconds: { long: 20, short: 3 },
  proxyFlags: { "max-connections": "10000", "first-request-timeout": "600000" },
  // Left out of `--short`, because it is a measurement that takes a while.
  shortWays: [],
  measuresMemory: true,
  memory: { limitMib: 1_024, maxMib: COMPUTED_MIB },
  ways: {
    all: async (target, tools) => {
      const all = [
        idlePreface.ways["many-addresses"]?.(target, tools),
        halfSent.ways["grpc"]?.(target, tools),
        halfSent.ways["http1"]?.(target, tools),
        unreadReplies.ways["h2"]?.(target, tools),
      ];
      await Promise.all(all.filter((way) => way !== undefined));
    },
  },
};
