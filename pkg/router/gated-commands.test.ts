// SPDX-License-Identifier: Apache-2.0

/** Commands, a gate, a placement and the loss of shards in any order, and what must be true whatever happens. */

import { setImmediate as turn } from "node:timers/promises";

import test from "ava";
import fc from "fast-check";

import { shardOf } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import { callerlessCall } from "../call/mod.ts";
import type { Owner, Pass, ReplyGate } from "../cluster/mod.ts";
import type { EntityCommand, Outcome } from "../entity/mod.ts";
import { CALLERS_LINEAGE, NO_EFFECTS } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import { counterRequest } from "../../test/lib/counter.ts";
import { plenty } from "../../test/lib/plenty.ts";
import type { OwnEntities } from "./entity-services.ts";
import { EntityServices } from "./entity-services.ts";
import type { Settlement } from "./peers.ts";
import { methodOf } from "./testdata/world.ts";

const ADD = methodOf("Counter.Add") as EntityMethod;
const ENTITIES = ["a", "b"] as const;
const ENDS = ["read", "stored", "refused", "unknown", "full"] as const;

type Event =
  | { readonly kind: "send"; readonly entity: number; readonly hasKey: boolean }
  /** The entity answers one of the commands that it has. */
  | { readonly kind: "end"; readonly which: number; readonly how: (typeof ENDS)[number] }
  | { readonly kind: "lose"; readonly entity: number; readonly isTaken: boolean }
  | { readonly kind: "take"; readonly entity: number }
  | { readonly kind: "lease"; readonly isValid: boolean }
  | { readonly kind: "leave"; readonly which: number };

const entity = fc.nat(ENTITIES.length - 1);
const which = fc.nat(50);
const EVENT: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("send" as const), entity, hasKey: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("end" as const), which, how: fc.constantFrom(...ENDS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lose" as const), entity, isTaken: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const), entity }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lease" as const), isValid: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), which }) },
);

/** What a test leaves out, to see that the rest notices. */
interface Mutant {
  readonly gate?: (gate: ReplyGate) => ReplyGate | undefined;
  readonly entities?: (entities: OwnEntities) => OwnEntities;
  /** What does not hold without it. */
  readonly claim: RegExp;
}

const MUTANTS: Readonly<Record<string, Mutant>> = {
  "no gate": { gate: () => undefined, claim: /I8/ },
  "a gate that lets everything pass": {
    claim: /I8/,
    gate: ({ begin }) => ({
      begin: (shard) => {
        const admission = begin(shard);
        if (admission === undefined) return undefined;
        const pass = (): Pass => {
          void admission.pass();
          return "reply";
        };
        return { pass, end: () => admission.end() };
      },
    }),
  },
  "answers that do not say that they are stored": {
    claim: /I7/,
    entities: ({ dispatch, serve }) => ({
      dispatch: async (command) => ({ ...(await dispatch(command)), hasStored: false }),
      serve,
    }),
  },
};

test("no answer leaves after its tenure, each admission ends once, and nothing stored is carried out twice", async (t) => {
  t.timeout(120_000);
  await t.notThrowsAsync(fc.assert(property({ claim: /./ }), { seed: 16, numRuns: 1_000 }));
});

for (const [name, mutant] of Object.entries(MUTANTS)) {
  test(`it is noticed: ${name}`, async (t) => {
    t.timeout(120_000);
    const { errorInstance } = await fc.check(property(mutant), { seed: 16, numRuns: 1_000 });
    t.regex(String(errorInstance), mutant.claim);
  });
}

function property(mutant: Mutant) {
  return fc.asyncProperty(fc.array(EVENT, { minLength: 10, maxLength: 60 }), async (events) => {
    const run = new Run(mutant);
    for (const event of events) await run.happens(event);
    await run.settles();
  });
}

function must(condition: boolean, claim: string): void {
  if (!condition) throw new Error(claim);
}

/** A command of a caller. */
interface Sent {
  readonly hasKey: boolean;
  leave: () => void;
  hasLeft: boolean;
  mayBeStored: boolean;
  begins: number;
  isAnswered: boolean;
}

/** A command that an entity here has, or had. */
interface Dispatched {
  readonly number: number;
  readonly sent: Sent;
  readonly shard: Shard;
  readonly epoch: number | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: StatusError) => void;
}

interface Shard {
  readonly id: string;
  /** Undefined: not owned here. */
  epoch: number | undefined;
  /** A peer has it. */
  isTaken: boolean;
  moved: PromiseWithResolvers<void>;
}

class Run {
  readonly #services: EntityServices;
  readonly #shards = new Map<number, Shard>();
  readonly #all: Sent[] = [];
  readonly #byKey = new Map<unknown, Sent>();
  readonly #dispatched: Dispatched[] = [];
  #open: Dispatched[] = [];
  #waiting: (() => void)[] = [];
  #isLeased = true;
  #epoch = 1;
  #admissions = 0;
  #violation: string | undefined;

  constructor({ gate = (same) => same, entities = (same) => same }: Mutant) {
    for (const id of ENTITIES) {
      const moved = Promise.withResolvers<void>();
      this.#shards.set(shardOf("counter", id), { id, epoch: 1, isTaken: false, moved });
    }
    this.#services = new EntityServices({
      entities: entities({ dispatch: (command) => this.#dispatch(command), serve: () => undefined }),
      placement: { ownerOf: (shard) => this.#ownerOf(this.#shard(shard)) },
      peers: { call: async (_peer, _wire, call) => this.#atPeer(this.#sentWith(call)) },
      gate: gate({ begin: (shard) => this.#begin(this.#shard(shard)) }),
      clock: new ManualClock(),
      options: {
        maxRequestFields: 10,
        maxEntityIdLength: 10,
        strictEntityKeys: false,
        shardWaitTimeoutMs: 30_000,
      },
    });
  }

  async happens(event: Event): Promise<void> {
    this.#do(event);
    await turn();
    if (this.#violation !== undefined) throw new Error(this.#violation);
  }

  /** Everything ends well, and so does every command. */
  async settles(): Promise<void> {
    await this.happens({ kind: "lease", isValid: true });
    for (const index of ENTITIES.keys()) await this.happens({ kind: "take", entity: index });
    for (let left = 0; this.#open.length > 0; left++) {
      must(left < 1_000, "it never ends");
      await this.happens({ kind: "end", which: 0, how: "read" });
    }
    must(this.#admissions === 0, "every admission has ended");
    must(
      this.#all.every(({ isAnswered }) => isAnswered),
      "every command has ended",
    );
  }

  #do(event: Event): void {
    switch (event.kind) {
      case "send":
        return this.#send(event.entity, event.hasKey);
      case "end": {
        const [ended] = this.#open.splice(event.which % Math.max(1, this.#open.length), 1);
        return ended && end(ended, event.how);
      }
      case "lose": {
        const shard = this.#shardOf(event.entity);
        shard.epoch = undefined;
        shard.isTaken = event.isTaken;
        return this.#moves(shard);
      }
      case "take": {
        const shard = this.#shardOf(event.entity);
        shard.epoch = ++this.#epoch;
        shard.isTaken = false;
        return this.#moves(shard);
      }
      case "lease":
        this.#isLeased = event.isValid;
        return this.#wake();
      case "leave": {
        const sent = this.#all[event.which % Math.max(1, this.#all.length)];
        if (sent === undefined || sent.isAnswered) return;
        sent.hasLeft = true;
        sent.leave();
      }
    }
  }

  #send(index: number, hasKey: boolean): void {
    const listeners: (() => void)[] = [];
    const sent: Sent = {
      hasKey,
      leave: () => {
        for (const listener of listeners) listener();
      },
      hasLeft: false,
      mayBeStored: false,
      begins: 0,
      isAnswered: false,
    };
    const call = {
      ...callerlessCall(plenty().charge(), NO_METADATA, hasKey ? "key" : undefined),
      onCancel: (listener: () => void) => (sent.hasLeft ? listener() : void listeners.push(listener)),
    };
    this.#all.push(sent);
    this.#byKey.set(call.bytes, sent);
    const command = { method: ADD, payload: counterRequest(ENTITIES[index] ?? "a"), call };
    this.#services.unary(command, CALLERS_LINEAGE).then(
      (outcome) =>
        this.#answered(sent, outcome.kind === "reply" ? Buffer.from(outcome.payload).toString() : ""),
      ({ code, message }: StatusError) => this.#answered(sent, message, code),
    );
  }

  /** What leaves the proxy. @param text the number of its command, or `peer` */
  #answered(sent: Sent, text: string, code?: string): void {
    this.#check(!sent.isAnswered, "a command is answered once");
    sent.isAnswered = true;
    if (code === "SHARD_MOVING")
      return this.#check(sent.hasLeft || sent.begins >= 8, "nobody waits too short");
    if (code === "ANSWER_WITHHELD") {
      const mustFail = sent.mayBeStored && !sent.hasKey;
      return this.#check(sent.hasLeft || mustFail, "(I9) a command fails only if it must");
    }
    if (text === "peer") return;
    const from = this.#dispatched[Number(text)];
    if (from === undefined) return this.#check(false, `no such command: ${text} ${code}`);
    this.#check(from.sent === sent, "the answer is that of the command");
    this.#check(this.#isLeased, "(I8) an answer leaves while the lease is valid");
    this.#check(
      from.epoch === from.shard.epoch,
      "(I8) an answer leaves in the tenure in which its command began",
    );
  }

  #dispatch({ call, shard: number }: EntityCommand): Promise<Outcome> {
    const sent = this.#sentWith(call);
    const shard = this.#shard(number);
    this.#begins(sent);
    return new Promise((resolve, reject) => {
      const dispatched = {
        number: this.#dispatched.length,
        sent,
        shard,
        epoch: shard.epoch,
        resolve,
        reject,
      };
      this.#dispatched.push(dispatched);
      this.#open.push(dispatched);
    });
  }

  async #atPeer(sent: Sent): Promise<Settlement> {
    this.#begins(sent);
    return replyWith("peer");
  }

  #begins(sent: Sent): void {
    sent.begins++;
    this.#check(
      sent.hasKey || !sent.mayBeStored,
      "(I7) what may be stored is not carried out again without a key",
    );
  }

  #begin(shard: Shard): ReturnType<ReplyGate["begin"]> {
    const { epoch } = shard;
    if (epoch === undefined) return undefined;
    this.#admissions++;
    let state: "begun" | "asked" | "ended" = "begun";
    const now = (): Pass | "wait" => (shard.epoch !== epoch ? "over" : this.#isLeased ? "reply" : "wait");
    const wait = (resolve: (pass: Pass) => void): void => {
      const pass = now();
      if (pass === "wait") this.#waiting.push(() => wait(resolve));
      else resolve(pass);
    };
    return {
      pass: () => {
        this.#check(state === "begun", "an admission is asked once");
        state = "asked";
        const pass = now();
        return pass === "wait" ? new Promise(wait) : pass;
      },
      end: () => {
        this.#check(state === "asked", "an admission ends once, after it was asked");
        state = "ended";
        this.#admissions--;
      },
    };
  }

  /** Commands that wait for the shard ask again who has it, and answers whether they may leave. */
  #moves(shard: Shard): void {
    shard.moved.resolve();
    shard.moved = Promise.withResolvers<void>();
    this.#wake();
  }

  #wake(): void {
    for (const ask of this.#waiting.splice(0)) ask();
  }

  #ownerOf({ epoch, isTaken, moved }: Shard): Owner {
    if (epoch !== undefined) return { kind: "here" };
    return isTaken ? { kind: "peer", peer: "peer" } : { kind: "moving", until: moved.promise };
  }

  #shardOf(index: number): Shard {
    return this.#shard(shardOf("counter", ENTITIES[index] ?? ""));
  }

  #shard(number: number): Shard {
    const shard = this.#shards.get(number);
    if (shard === undefined) throw new Error(`no shard ${number}`);
    return shard;
  }

  #sentWith({ bytes }: EntityCommand["call"]): Sent {
    const sent = this.#byKey.get(bytes);
    if (sent === undefined) throw new Error("nobody sent it");
    return sent;
  }

  #check(condition: boolean, claim: string): void {
    if (!condition) this.#violation ??= claim;
  }
}

function end({ sent, number, resolve, reject }: Dispatched, how: (typeof ENDS)[number]): void {
  if (how === "stored" || how === "unknown") sent.mayBeStored = true;
  const codes = { refused: "COMMAND_FAILED", unknown: "OUTCOME_UNKNOWN", full: "MAILBOX_FULL" } as const;
  if (how === "read" || how === "stored")
    return resolve({ ...replyWith(`${number}`), hasStored: how === "stored" });
  reject(new StatusError(Status.UNKNOWN, codes[how], `${number}`));
}

function replyWith(text: string): Settlement {
  return {
    kind: "reply",
    typeUrl: "t",
    payload: Buffer.from(text),
    metadata: NO_METADATA,
    effects: NO_EFFECTS,
  };
}
