// SPDX-License-Identifier: Apache-2.0

import type { Entrance, Job, LoadCall, MessageSizes } from "../loader/job.ts";
import { range } from "../loader/job.ts";

/** Parts of a run with several pods, in their order. */
export const POD_PARTS = ["rows", "claim", "rebalance", "idle"] as const;
export type PodPart = (typeof POD_PARTS)[number];

export function isPodPart(name: string): name is PodPart {
  return POD_PARTS.some((part) => part === name);
}

/**
 * Where the callers of a case go: each to a pod of its own that owns its carts, or that owns none of them; each to a
 * pod of its own, whoever owns its carts; or all to a pod that has no others beside it. Or they send bare requests over
 * NATS to programs that answer them: as many programs, and as many connections, as there are pods.
 */
export type Way = "owner" | "forwarded" | "any pod" | "one pod" | "nats";

export interface PodCase {
  readonly name: string;
  readonly way: Way;
  readonly call: LoadCall;
}

/** In the order in which a round goes through them. What is compared is measured one right after the other. */
export const POD_CASES: readonly PodCase[] = [
  { name: "command, owner-local", way: "owner", call: "addItem" },
  { name: "command, forwarded", way: "forwarded", call: "addItem" },
  { name: "NATS request of that size", way: "nats", call: "addItem" },
  { name: "read, owner-local", way: "owner", call: "getCart" },
  { name: "read, forwarded", way: "forwarded", call: "getCart" },
  { name: "NATS request of a read's size", way: "nats", call: "getCart" },
  { name: "command, any pod", way: "any pod", call: "addItem" },
  { name: "command, one pod alone", way: "one pod", call: "addItem" },
];

export function caseOf(way: Way, call: LoadCall): PodCase {
  const found = POD_CASES.find((each) => each.way === way && each.call === call);
  if (found === undefined) throw new Error(`no case of ${call} goes ${way}`);
  return found;
}

/** The calls of a row go to so many carts in turn. */
export const ENTITIES = range(0, 1_000);

/** What can be called. */
export interface Targets {
  /** Of the pods that share their entities. */
  readonly ports: readonly number[];
  /** Of `ENTITIES`, those that each of these pods owns. */
  readonly owned: readonly (readonly number[])[];
  /** Of the pod that is alone. */
  readonly alonePort: number;
  readonly natsPort: number;
  /** Of a command that is forwarded. */
  readonly sizesOf: (call: LoadCall) => MessageSizes;
}

/** Which servers the callers of a case call, and how. */
export function jobOf(
  { way, call }: PodCase,
  { ports, owned, alonePort, natsPort, sizesOf }: Targets,
): Omit<Job, "callers" | "until"> {
  const grpc = { protocol: "grpc", call } as const;
  const each = (entranceOf: (port: number, pod: number) => Entrance) => {
    const [first = { port: 0, entities: [] }, ...also] = ports.map(entranceOf);
    return { ...first, also };
  };
  const to = (entitiesOf: (pod: number) => readonly number[]) => ({
    ...each((port, pod) => ({ port, entities: entitiesOf(pod) })),
    ...grpc,
  });
  const shareOf = (pod: number) => ENTITIES.filter((entity) => entity % ports.length === pod);
  switch (way) {
    case "owner":
      return to((pod) => owned[pod] ?? []);
    case "forwarded":
      // Those of the next pod, so that no cart has callers at two pods.
      return to((pod) => owned[(pod + 1) % ports.length] ?? []);
    case "any pod":
      return to(shareOf);
    case "one pod":
      return { port: alonePort, entities: ENTITIES, ...grpc };
    case "nats":
      return {
        ...each((_, pod) => ({ port: natsPort, entities: shareOf(pod) })),
        protocol: "nats",
        call,
        sizes: sizesOf(call),
      };
  }
}
