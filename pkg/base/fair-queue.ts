// SPDX-License-Identifier: Apache-2.0

/** One that puts items in, as a connection, and what it is part of, as its address. Both are told apart by identity. */
export interface Sender {
  readonly group: object;
}

/**
 * Items that wait for one worker who takes its time, in an order in which nobody is kept from the worker by what others
 * have put in.
 *
 * 1. *Complete.* Each item is taken once. Those of one sender are taken in their order.
 * 2. *Groups take turns.* A group gives one item, and is then behind all others that have any.
 * 3. *Senders take turns.* Of two items that a group gives one after the other, at least one is the first of the
 *    sender that is longest without a turn. So such a sender waits for two turns of each one before it, at most.
 * 4. *Small items pass.* The other one is the smallest of all that are first of their sender. So a small item waits for
 *    one that is larger, however many senders its group has: senders cost an attacker nothing.
 * 5. An item that nobody wants any more is dropped, and takes nobody's turn. It may stay in here until then.
 * 6. Senders and groups that have no items here leave no trace.
 *
 * The number of items has no bound here: the callers bound it.
 */
export class FairQueue<Item> {
  readonly #groups = new Map<object, Line<Item>>();
  readonly #isWanted: (item: Item) => boolean;

  /** @param isWanted is asked before an item is taken; if it returns false, it is the last that is seen of the item. */
  constructor(isWanted: (item: Item) => boolean) {
    this.#isWanted = isWanted;
  }

  /** Whether there is no item, wanted or not. */
  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** @param size in any unit that makes items comparable (4). */
  push(sender: Sender, item: Item, size: number): void {
    const line = this.#groups.get(sender.group) ?? new Line(this.#isWanted);
    this.#groups.set(sender.group, line);
    line.push(sender, { item, size });
  }

  /** Takes the next item that is wanted; undefined if there is none. */
  take(): Item | undefined {
    for (const [group, line] of this.#groups) {
      this.#groups.delete(group);
      const entry = line.take();
      // Setting the group again moves it to the end of the map.
      if (!line.isEmpty) this.#groups.set(group, line);
      if (entry !== undefined) return entry.item;
    }
    return undefined;
  }
}

interface Entry<Item> {
  readonly item: Item;
  readonly size: number;
}

/** The items of one group. */
class Line<Item> {
  /** By sender; the one that is longest without a turn is the first. */
  readonly #senders = new Map<Sender, Entry<Item>[]>();
  readonly #isWanted: (item: Item) => boolean;
  #isForSmallest = true;

  constructor(isWanted: (item: Item) => boolean) {
    this.#isWanted = isWanted;
  }

  get isEmpty(): boolean {
    return this.#senders.size === 0;
  }

  push(sender: Sender, entry: Entry<Item>): void {
    const entries = this.#senders.get(sender);
    if (entries === undefined) this.#senders.set(sender, [entry]);
    else entries.push(entry);
  }

  take(): Entry<Item> | undefined {
    const sender = this.#nextSender();
    if (sender === undefined) return undefined;
    this.#isForSmallest = !this.#isForSmallest;
    const entries = this.#senders.get(sender);
    const entry = entries?.shift();
    this.#senders.delete(sender);
    if (entries !== undefined && entries.length > 0) this.#senders.set(sender, entries);
    return entry;
  }

  /** The sender whose first item is next, after all that are not wanted have been dropped before it (5). */
  #nextSender(): Sender | undefined {
    let next: Sender | undefined;
    let smallest = Number.POSITIVE_INFINITY;
    for (const [sender, entries] of this.#senders) {
      const first = this.#firstWanted(entries);
      if (first === undefined) this.#senders.delete(sender);
      else if (!this.#isForSmallest) return sender;
      else if (first.size < smallest) {
        next = sender;
        smallest = first.size;
      }
    }
    return next;
  }

  #firstWanted(entries: Entry<Item>[]): Entry<Item> | undefined {
    const dropped = entries.findIndex(({ item }) => this.#isWanted(item));
    entries.splice(0, dropped === -1 ? entries.length : dropped);
    return entries[0];
  }
}
