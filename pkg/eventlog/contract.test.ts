// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { shardOf } from "../base/mod.ts";

import type { LogUnderTest, OpenLogUnderTest, Trouble } from "./contract.ts";
import { contractCases, runCase } from "./contract.ts";
import type { EntityKey, EventLog, HistoryPage, LogHealth, LogRecord } from "./event-log.ts";
import { EventLogError, NO_POSITION } from "./event-log.ts";
import type { LogLimits } from "./limits.ts";
import { openMemoryLog } from "./memory.ts";

/** Breaks a sound log: the methods that it returns replace the log's own. */
type Break = (log: EventLog) => Partial<EventLog>;

const broken: Readonly<Record<string, Break>> = {
  "loses an append now and then": (log) => {
    let count = 0;
    return {
      append: async (entity, expected, record) =>
        ++count % 3 === 0 ? expected + 1 : log.append(entity, expected, record),
    };
  },
  "accepts a conflict": (log) => ({
    append: async (entity, expected, record) => {
      try {
        return await log.append(entity, expected, record);
      } catch (thrown) {
        if (!(thrown instanceof EventLogError) || thrown.code !== "APPEND_CONFLICT") throw thrown;
        const { records } = await log.read(entity, NO_POSITION);
        return log.append(entity, records.at(-1)?.position ?? NO_POSITION, record);
      }
    },
  }),
  "checks only that the entity has not moved on, not that the position is its last": (log) => ({
    append: async (entity, expected, record) => {
      const last = (await log.read(entity, NO_POSITION)).records.at(-1)?.position ?? NO_POSITION;
      return log.append(entity, expected > last ? last : expected, record);
    },
  }),
  "stores what it refuses": (log) => ({
    append: async (entity, expected, record) => {
      const { records } = await log.read(entity, NO_POSITION);
      const last = records.at(-1)?.position ?? NO_POSITION;
      const position = await log.append(entity, last, record);
      if (last !== expected) throw new EventLogError("APPEND_CONFLICT", "too late");
      return position;
    },
  }),
  "throws an error of another kind": (log) => ({
    append: (entity, expected, record) =>
      log.append(entity, expected, record).catch(() => Promise.reject(new TypeError("conflict"))),
  }),
  "gives records in the wrong order": (log) => ({
    read: async (entity, after) => {
      const page = await log.read(entity, after);
      return { ...page, records: page.records.toReversed() };
    },
  }),
  "gives the records of all entities of one id": (log) => ({
    append: (entity, expected, record) => log.append({ ...entity, type: "all" }, expected, record),
    read: (entity, after) => log.read({ ...entity, type: "all" }, after),
  }),
  "acknowledges before the record can be read": (log) => {
    const before = new Map<string, readonly LogRecord[]>();
    return {
      append: async (entity, expected, record) => {
        before.set(entity.id, (await log.read(entity)).records);
        return log.append(entity, expected, record);
      },
      read: async (entity, after) => {
        const records = before.get(entity.id);
        before.delete(entity.id);
        return records !== undefined && after === undefined
          ? { records, end: true }
          : log.read(entity, after);
      },
    };
  },
  "cuts a byte off": (log) => ({
    append: (entity, expected, record) => log.append(entity, expected, record.subarray(0, 299_999)),
  }),
  "stores the buffer behind a view": (log) => ({
    append: (entity, expected, record) => log.append(entity, expected, new Uint8Array(record.buffer)),
  }),
  "keeps the caller's bytes rather than a copy": (log) => {
    const given: Uint8Array[] = [];
    return {
      append: (entity, expected, record) => {
        given.push(record);
        return log.append(entity, expected, record);
      },
      read: async (entity, after) => {
        const page = await log.read(entity, after);
        return { ...page, records: page.records.map((r, i) => ({ ...r, bytes: given[i] ?? r.bytes })) };
      },
    };
  },
  "lets an older snapshot replace a newer one": (log) => {
    const kept = new Map<string, LogRecord>();
    return {
      saveSnapshot: async ({ id }, position, bytes) => void kept.set(id, { position, bytes }),
      read: async (entity, after) => {
        const snapshot = after === undefined ? kept.get(entity.id) : undefined;
        const page = await log.read(entity, after ?? snapshot?.position);
        return snapshot === undefined ? page : { snapshot, ...page };
      },
    };
  },
  "reads from the pack only": (log) => {
    const packs = new Map<string, HistoryPage>();
    return {
      pack: async (entity) => void packs.set(entity.id, await log.read(entity)),
      read: async (entity, after) =>
        (after === undefined ? packs.get(entity.id) : undefined) ?? log.read(entity, after),
    };
  },
  "forgets the snapshot when it packs": (log) => {
    const packed = new Set<string>();
    return {
      pack: async ({ id }) => void packed.add(id),
      read: async (entity, after) => log.read(entity, after ?? (packed.has(entity.id) ? NO_POSITION : after)),
    };
  },
  "gives a pack as one page": (log) => {
    const packed = new Set<string>();
    return {
      pack: async ({ id }) => void packed.add(id),
      read: async (entity, after) => {
        let page = await log.read(entity, after);
        if (after !== undefined || !packed.has(entity.id)) return page;
        const { snapshot } = page;
        const records = [...page.records];
        while (!page.end) {
          page = await log.read(entity, records.at(-1)?.position ?? NO_POSITION);
          records.push(...page.records);
        }
        return { ...(snapshot !== undefined && { snapshot }), records, end: true };
      },
    };
  },
  "removes the records that a snapshot stands for": (log) => ({
    read: async (entity, after) => {
      const { snapshot } = await log.read(entity);
      const page = await log.read(entity, after);
      return { ...page, records: page.records.filter((r) => r.position > (snapshot?.position ?? 0)) };
    },
  }),
  "says the end of a page is the end of all": (log) => ({
    read: async (entity, after) => ({ ...(await log.read(entity, after)), end: true }),
  }),
  "skips the first record of a later page": (log) => ({
    read: async (entity, after) => {
      const page = await log.read(entity, after);
      return after === undefined || after === NO_POSITION
        ? page
        : { ...page, records: page.records.slice(1) };
    },
  }),
  "gives pages without a bound": (log) => ({
    read: async (entity, after) => {
      const first = await log.read(entity, after);
      const records = [...first.records];
      for (let { end } = first; !end; ) {
        const page = await log.read(entity, records.at(-1)?.position);
        records.push(...page.records);
        end = page.end;
      }
      return { ...first, records, end: true };
    },
  }),
  "tells no keys apart that differ in case": (log) => keyedBy(log, (id) => id.toLowerCase()),
  "tells no keys apart that look alike": (log) => keyedBy(log, (id) => id.normalize("NFC")),
  "tells no keys apart that UTF-8 cannot": (log) => keyedBy(log, (id) => id.toWellFormed()),
  "ends keys at NUL": (log) => keyedBy(log, (id) => id.split("\0")[0] ?? ""),
  "cuts long keys": (log) => keyedBy(log, (id) => id.slice(0, 4_000)),
  "puts type and id side by side": (log) => ({
    append: ({ type, id }, ...rest) => log.append({ type: "", id: `${type}:${id}` }, ...rest),
    read: ({ type, id }, ...rest) => log.read({ type: "", id: `${type}:${id}` }, ...rest),
  }),
  "tails only what is stored": (log) => ({
    async *tail(type, _partition, from, signal) {
      for await (const id of log.list(type)) {
        for (const record of (await log.read({ type, id }, from)).records) {
          if (!signal.aborted) yield { id, ...record };
        }
      }
    },
  }),
  "tails some records twice": (log) => ({
    async *tail(...of) {
      for await (const record of log.tail(...of)) {
        yield record;
        if (record.position % 5 === 0) yield record;
      }
    },
  }),
  "tails from the start whatever is asked": (log) => ({
    tail: (type, partition, _from, signal) => log.tail(type, partition, NO_POSITION, signal),
  }),
  "ends a tail with an error when the signal aborts": (log) => ({
    async *tail(type, partition, from, signal) {
      yield* log.tail(type, partition, from, signal);
      signal.throwIfAborted();
    },
  }),
  "lists an id for each record": (log) => ({
    async *list(type) {
      for await (const id of log.list(type)) {
        for (const _ of (await log.read({ type, id }, NO_POSITION)).records) yield id;
      }
    },
  }),
  "lists an entity that has only a snapshot": (log) => {
    const saved = new Set<string>();
    return {
      saveSnapshot: (entity, ...rest) =>
        log.saveSnapshot(entity, ...rest).then(() => void saved.add(entity.id)),
      async *list(type) {
        for await (const id of log.list(type)) saved.add(id);
        yield* saved;
      },
    };
  },
  "keeps what a replacement stands for": (log) => ({ replace: (...of) => log.append(...of) }),
  "replaces the records of other types too": (log) => ({
    replace: async (entity, expected, record) => {
      const other = { type: "other", id: entity.id };
      const last = (await log.readLast(other))?.position;
      if (last !== undefined) await log.replace(other, last, record);
      return log.replace(entity, expected, record);
    },
  }),
  "replaces without a fence": (log) => ({
    replace: async (entity, _expected, record) =>
      log.replace(entity, (await log.readLast(entity))?.position ?? NO_POSITION, record),
  }),
  "reads the first record as the last": (log) => ({
    readLast: async (entity) => (await log.read(entity, NO_POSITION)).records[0],
  }),
  "remembers a last record that was replaced": (log) => {
    const known = new Map<string, LogRecord>();
    return {
      readLast: async (entity) => {
        const found = known.get(entity.id) ?? (await log.readLast(entity));
        if (found !== undefined) known.set(entity.id, found);
        return found;
      },
    };
  },
  "drops the records with the snapshot": (log) => {
    const dropped = new Set<string>();
    const nameOf = ({ type, id }: EntityKey) => JSON.stringify([type, id]);
    return {
      dropSnapshot: async (entity) => {
        dropped.add(nameOf(entity));
        return log.dropSnapshot(entity);
      },
      read: async (entity, after) => {
        const page = await log.read(entity, after);
        return dropped.has(nameOf(entity)) ? { ...page, records: [] } : page;
      },
    };
  },
  "drops no snapshot": () => ({ dropSnapshot: async () => undefined }),
  "drops the snapshots of all entities of that id": (log) => ({
    dropSnapshot: async ({ id }) => {
      for await (const { entity } of log.snapshots()) if (entity.id === id) await log.dropSnapshot(entity);
    },
  }),
  "lists the snapshots of all types whatever is asked": (log) => ({ snapshots: () => log.snapshots() }),
  "lists one page of snapshots": (log) => ({
    async *snapshots(type) {
      let count = 0;
      for await (const snapshot of log.snapshots(type)) if (count++ < 4) yield snapshot;
    },
  }),
  "keeps one checkpoint for all names": (log) => ({
    readCheckpoint: () => log.readCheckpoint("one"),
    saveCheckpoint: (_name, positions) => log.saveCheckpoint("one", positions),
  }),
  "keeps the first checkpoint of a name": (log) => ({
    saveCheckpoint: async (name, positions) => {
      if ((await log.readCheckpoint(name)) === undefined) await log.saveCheckpoint(name, positions);
    },
  }),
  "keeps checkpoints as entities": (log) => {
    const entity = (id: string) => ({ type: "", id });
    return {
      readCheckpoint: async (name) => {
        const found = await log.readLast(entity(name));
        return found === undefined
          ? undefined
          : (JSON.parse(Buffer.from(found.bytes).toString()) as number[]);
      },
      saveCheckpoint: async (name, positions) => {
        const last = (await log.readLast(entity(name)))?.position ?? NO_POSITION;
        await log.replace(entity(name), last, Buffer.from(JSON.stringify(positions)));
      },
    };
  },
  "gives the first position of a type as the last": (log) => {
    const first = new Map<string, number>();
    return {
      lastPosition: async (type, partition) => {
        const found = first.get(type) ?? (await log.lastPosition(type, partition));
        if (found > 0) first.set(type, found);
        return found;
      },
    };
  },
  "gives the last position of all types": (log) => {
    let last = NO_POSITION;
    return {
      append: async (...of) => (last = await log.append(...of)),
      replace: async (...of) => (last = await log.replace(...of)),
      lastPosition: async () => last,
    };
  },
  "drops what was accepted when it is closed": (log) => {
    let closed = false;
    return {
      append: async (...of) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (closed) throw new EventLogError("LOG_UNAVAILABLE", "closed before");
        return log.append(...of);
      },
      close: async () => {
        closed = true;
        await log.close();
      },
    };
  },
  "says that it is well whatever it meets": () => ({ health: { kind: "usable" } }),
  "says that it is broken when it refuses a conflict": (log) => {
    let conflict: EventLogError | undefined;
    return {
      get health(): LogHealth {
        return conflict === undefined ? log.health : { kind: "unusable", error: conflict };
      },
      append: async (...of) => {
        try {
          return await log.append(...of);
        } catch (thrown) {
          if (thrown instanceof EventLogError && thrown.code === "APPEND_CONFLICT") conflict = thrown;
          throw thrown;
        }
      },
    };
  },
  "goes on after close": () => ({ close: async () => undefined }),
};

test("a sound log passes every case, also with an empty wrapper around it", async (t) => {
  for (const contractCase of contractCases) {
    await t.notThrowsAsync(
      () =>
        runCase(
          contractCase,
          opening(() => ({})),
        ),
      contractCase.title,
    );
  }
});

for (const [fault, breakIt] of Object.entries(broken)) {
  test(`the contract finds a log that ${fault}`, async (t) => {
    t.truthy(await firstFailure(opening(breakIt)));
  });
}

test("a sound log of several partitions passes every case", async (t) => {
  for (const contractCase of contractCases) {
    await t.notThrowsAsync(
      () =>
        runCase(
          contractCase,
          inTwoPartitions(() => ({})),
        ),
      contractCase.title,
    );
  }
});

test("the contract finds a log that moves entities between partitions", async (t) => {
  let calls = 0;
  t.truthy(await firstFailure(inTwoPartitions(() => ({ partitionOf: () => calls++ % 2 }))));
});

test("the contract finds a log that hides its partitions", async (t) => {
  const found = await firstFailure(inTwoPartitions(() => ({ partitionOf: () => 0 })));
  t.regex(found ?? "", /positions rise|independent/);
});

test("the contract finds a log that ignores its bounds", async (t) => {
  const found = await firstFailure(async () => underTest(openMemoryLog()));
  t.regex(found ?? "", /I11/);
});

test("the contract finds a durable log that acknowledges before the record is safe", async (t) => {
  const found = await firstFailure(forgetfulLog);
  t.regex(found ?? "", /^\(2\)/);
});

test("a durable log without afterCrash is told to give it", async (t) => {
  const open = async () => underTest(methodsOf(openMemoryLog(), { durability: "fsync-one-node" }));
  const crashes = contractCases.filter(({ title }) => /after a crash/.test(title));
  t.is(crashes.length, 3);
  for (const each of crashes) await t.throwsAsync(runCase(each, open), { message: /: give `afterCrash`/ });
});

test("a case that a log gives nothing for says so", async (t) => {
  const missing: string[] = [];
  const leaveOut = (what: string) => missing.push(what);
  for (const each of contractCases)
    await runCase(each, async (limits) => underTest(openMemoryLog(limits)), leaveOut);
  t.deepEqual(missing, ["trouble"]);
});

/** A log that loses its last record in a crash, as after an append without fsync. */
async function forgetfulLog(limits: Partial<LogLimits>): Promise<LogUnderTest> {
  const log = openMemoryLog(limits);
  const appended: { entity: EntityKey; record: Uint8Array }[] = [];
  const append: EventLog["append"] = async (entity, expected, record) => {
    const position = await log.append(entity, expected, record);
    appended.push({ entity, record });
    return position;
  };
  const afterCrash = async () => {
    const copy = openMemoryLog();
    for (const { entity, record } of appended.slice(0, -1)) {
      const last = (await copy.read(entity)).records.at(-1)?.position ?? NO_POSITION;
      await copy.append(entity, last, record);
    }
    return copy;
  };
  return { ...underTest(methodsOf(log, { append })), afterCrash };
}

/** The title of the first case that fails. */
async function firstFailure(open: OpenLogUnderTest): Promise<string | undefined> {
  for (const contractCase of contractCases) {
    try {
      await runCase(contractCase, open);
    } catch {
      return contractCase.title;
    }
  }
  return undefined;
}

function opening(breakIt: Break): OpenLogUnderTest {
  return async (limits) => {
    const log = openMemoryLog({ maxMemoryLogBytes: FEW_BYTES, ...limits });
    // A log in memory notices at once.
    return { ...underTest(methodsOf(log, breakIt(log))), trouble: filling(log), patienceMs: 1_000 };
  };
}

const FEW_BYTES = 40 * 1024 * 1024;

/**
 * Fills the log until one more large record does not fit, and makes room again by a replacement with an empty record.
 */
function filling(log: EventLog): Trouble {
  const [filler, large] = [{ type: "filler", id: "" }, new Uint8Array(10 * 1024 * 1024)];
  let last = NO_POSITION;
  return {
    code: "LOG_FULL",
    begin: async () => {
      for (;;) {
        try {
          last = await log.append(filler, last, large);
        } catch {
          return;
        }
      }
    },
    end: async () => void (await log.replace(filler, last, new Uint8Array())),
  };
}

/** Two logs that look like one. */
function inTwoPartitions(breakIt: Break): OpenLogUnderTest {
  return async (limits) => {
    const parts = [openMemoryLog(limits), openMemoryLog(limits)] as const;
    const of = (entity: EntityKey) => parts[partitionOf(entity)];
    const partitionOf = ({ type, id }: EntityKey) => (shardOf(type, id) % 2 === 0 ? 0 : 1);
    const log: EventLog = {
      durability: "memory",
      partitions: 2,
      get health() {
        return parts[0].health;
      },
      partitionOf,
      locate: (entity, ...rest) => of(entity).locate(entity, ...rest),
      pack: (entity) => of(entity).pack(entity),
      read: (entity, ...rest) => of(entity).read(entity, ...rest),
      append: (entity, ...rest) => of(entity).append(entity, ...rest),
      readLast: (entity) => of(entity).readLast(entity),
      replace: (entity, ...rest) => of(entity).replace(entity, ...rest),
      saveSnapshot: (entity, ...rest) => of(entity).saveSnapshot(entity, ...rest),
      async *snapshots(type) {
        for (const part of parts) yield* part.snapshots(type);
      },
      dropSnapshot: (entity) => of(entity).dropSnapshot(entity),
      tail: (type, partition, ...rest) => (parts[partition] ?? parts[0]).tail(type, 0, ...rest),
      async *list(type) {
        for (const part of parts) yield* part.list(type);
      },
      lastPosition: (type, partition) => (parts[partition] ?? parts[0]).lastPosition(type, 0),
      readCheckpoint: (name) => parts[0].readCheckpoint(name),
      saveCheckpoint: (...of) => parts[0].saveCheckpoint(...of),
      close: async () => void (await Promise.all(parts.map((part) => part.close()))),
    };
    return underTest(methodsOf(log, breakIt(log)));
  };
}

function underTest(log: EventLog): LogUnderTest {
  return { log, dispose: () => log.close() };
}

function methodsOf(log: EventLog, replaced: Partial<EventLog>): EventLog {
  const methods: EventLog = {
    durability: log.durability,
    partitions: log.partitions,
    get health() {
      return log.health;
    },
    partitionOf: (...of) => log.partitionOf(...of),
    locate: (...of) => log.locate(...of),
    pack: (entity) => log.pack(entity),
    read: (...of) => log.read(...of),
    append: (...of) => log.append(...of),
    readLast: (...of) => log.readLast(...of),
    replace: (...of) => log.replace(...of),
    saveSnapshot: (...of) => log.saveSnapshot(...of),
    snapshots: (type) => log.snapshots(type),
    dropSnapshot: (entity) => log.dropSnapshot(entity),
    tail: (...of) => log.tail(...of),
    list: (...of) => log.list(...of),
    lastPosition: (...of) => log.lastPosition(...of),
    readCheckpoint: (name) => log.readCheckpoint(name),
    saveCheckpoint: (...of) => log.saveCheckpoint(...of),
    close: () => log.close(),
  };
  // Copies the descriptors, because the replacements may include getters.
  return Object.defineProperties(methods, Object.getOwnPropertyDescriptors(replaced));
}

function keyedBy(log: EventLog, fold: (id: string) => string): Partial<EventLog> {
  const folded = ({ type, id }: EntityKey) => ({ type, id: fold(id) });
  return {
    append: (entity, ...rest) => log.append(folded(entity), ...rest),
    read: (entity, ...rest) => log.read(folded(entity), ...rest),
  };
}
