// SPDX-License-Identifier: Apache-2.0

import type { Attack, Way } from "./attack.ts";
import type { BoundName } from "./bounds.ts";
import { openLine } from "./wire/line.ts";
import type { Line } from "./wire/line.ts";
import { again, pause, shareOf, sideBySide } from "./wire/repeat.ts";

/** In all processes together: as many as the proxy takes. */
const CONNECTIONS = 10_000;
const PROCESSES = 2;
const ADDRESSES = 100;
/** How often one whose connection is closed comes again. */
const MOST_TIMES = 3;

/** Ports are chosen here, because the kernel takes seconds to find thousands of free ones of one address. */
const FIRST_PORT = 10_000;

/**
 * So many are opened in a second: they are to be held, and ten thousand in one moment would show how long the machine takes to
 * accept them, in which nobody else's new connection is accepted either.
 */
const OPENED_PER_SECOND = 1_000;

/** From one byte of a slow connection to the next, on average, in milliseconds. */
const BYTE_MS = 3_000;

/** What a connection does. */
interface Idling {
  /** What it says first, if anything. */
  readonly first?: Buffer;
  /** What it then says again and again, one each `BYTE_MS`. */
  readonly trickle?: Buffer;
}

interface IdleAttack {
  readonly name: string;
  readonly about: string;
  readonly bounds: readonly BoundName[];
  readonly ways: Readonly<Record<string, Way>>;
}

/** Connections that do nothing, or nearly so. */
export function idleAttack(attack: IdleAttack): Attack {
  return { ...attack, processes: PROCESSES, seconds: { long: 20, short: 3 } };
}

/** All from one address. */
export function fromOneAddress(idling: Idling): Way {
  return idle(idling, 1, 1);
}

/** From addresses that each have a few; those of another block for each way of an attack, as ways may be gone at once. */
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
 * Not 127.0.0.1, which is the bystander's, and others for each target: an address has ports for 28,000 connections, and
 * those of an earlier attack are taken for a while.
 */
function loopbackAddress(port: number, index: number): string {
  return `127.${port >> 8}.${port & 255}.${index}`;
}
