// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "./attack.ts";
import type { BoundName } from "./bounds.ts";
import type { Line } from "./wire/line.ts";
import { openLine } from "./wire/line.ts";
import { again, pause, shareOf, sideBySide } from "./wire/repeat.ts";

/** In all processes together: as many as the proxy takes. */
const CONNECTIONS = 10_000;
const PROCESSES = 2;
const ADDRESSES = 100;
/** Connections that each sender makes at most, one after the other. */
const MOST_TIMES = 3;

/** Ports are chosen here, because the kernel takes seconds to find thousands of free ones of one address. */
const FIRST_PORT = 10_000;

/**
 * Connections that are opened in a second. The attack is about holding them. If ten thousand were opened at one
 * moment, it would measure how long the machine takes to accept them, and meanwhile no other new connection is
 * accepted either.
 */
const OPENED_PER_SECOND = 1_000;

/** From one byte of a slow connection to the next, on average, in milliseconds. */
const BYTE_MS = 3_000;

/** What one connection sends. */
interface Idling {
  /** The bytes that it sends first, if any. */
  readonly first?: Buffer;
  /** The bytes that it then sends repeatedly, once every `BYTE_MS`. */
  readonly trickle?: Buffer;
}

interface IdleAttack {
  readonly name: string;
  readonly about: string;
  readonly bounds: readonly BoundName[];
  readonly ways: Readonly<Record<string, Way>>;
}

/** An attack by connections that do nothing, or almost nothing. */
export function idleAttack(attack: IdleAttack): Attack {
  return { ...attack, processes: PROCESSES, seconds: { long: 20, short: 3 } };
}

/** All from one address. */
export function fromOneAddress(idling: Idling): Way {
  return idle(idling, 1, 1);
}

/**
 * The connections come from many addresses, a few from each. Each variant of an attack uses another block of
 * addresses, because variants may run at the same time.
 */
export function fromManyAddresses(idling: Idling, block: 0 | 1 = 0): Way {
  return idle(idling, 2 + block * ADDRESSES, ADDRESSES);
}

function idle({ first, trickle }: Idling, firstAddress: number, addresses: number): Way {
  return (target, tools) => {
    const { random, signal } = tools;
    const stay = async (line: Line): Promise<void> => {
      if (trickle === undefined) return line.closed();
      while (line.isOpen && !signal.aborted) {
        await pause(BYTE_MS * (0.5 + random()), signal);
        await line.send(trickle);
      }
    };
    return sideBySide(shareOf(CONNECTIONS, tools), async (own) => {
      const index = own * tools.share.of + tools.share.index;
      const from = loopbackAddress(target.port, firstAddress + (index % addresses));
      await pause((index * 1_000) / OPENED_PER_SECOND, tools.signal);
      let fromPort = FIRST_PORT + index * MOST_TIMES;
      await again(MOST_TIMES, tools, async () => {
        const line = await openLine(target.port, tools, { from, fromPort: fromPort++ });
        if (first !== undefined) await line?.send(first);
        if (line !== undefined) await stay(line);
      });
    });
  };
}

/**
 * A source address that is not 127.0.0.1, which is the bystander's, and that differs for each target. One address has
 * ports for 28,000 connections, and the ports of an earlier attack stay taken for a while.
 */
function loopbackAddress(port: number, index: number): string {
  return `127.${port >> 8}.${port & 255}.${index}`;
}
