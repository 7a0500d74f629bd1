// SPDX-License-Identifier: Apache-2.0

import type { Call, Lineage } from "../entity/mod.ts";
import { CALLERS_LINEAGE } from "../entity/mod.ts";
import type { ServedMethod, UserFunctionSpec } from "../userfunction/mod.ts";
import { methodName } from "../userfunction/mod.ts";

/** The services that are served, and the announced parts that are not. */
export type Targets = Pick<UserFunctionSpec, "services" | "unserved">;

/** How a command came about: from a caller, or link by link from another command's answer. */
export interface Chain {
  /** Name of the method or entity, for logs. */
  readonly name: string;
  /** Why it is carried out; undefined for the first link. */
  readonly cause: { readonly kind: "forward" | "effect"; readonly of: Chain } | undefined;
  /**
   * How many commands led here from the caller's command, and how many may still follow. `cause` may tell of fewer:
   * if a side effect was read from a record, it ends at the entity of that record, and not at the caller's command.
   */
  readonly lineage: Lineage;
  /**
   * Whether this runs in one of the `maxOpenEffects` places, as an asynchronous side effect does, with all that follows
   * from it. If so, the side effects that it asks for run in the same place.
   */
  readonly inFlight: boolean;
}

/** A caller's own command. */
export function firstLink(method: ServedMethod): Chain {
  return { name: methodName(method), cause: undefined, lineage: CALLERS_LINEAGE, inFlight: false };
}

/** An entity with stored side effects, each with its own lineage. They run in one of the `maxOpenEffects` places. */
export function recordedLink(entity: string): Chain {
  return { name: entity, cause: undefined, lineage: CALLERS_LINEAGE, inFlight: true };
}

export function nextLink(
  method: ServedMethod,
  kind: "forward" | "effect",
  of: Chain,
  lineage: Lineage,
  inFlight = of.inFlight,
): Chain {
  return { name: methodName(method), cause: { kind, of }, lineage, inFlight };
}

const WORDS = { forward: "forwarded from", effect: "side-effect of", ask: "asked for by" } as const;

/** The chain for people, as `forwarded from shop.Cart.Buy, side-effect of shop.Till.Close`. */
export function describeCause(kind: keyof typeof WORDS, of: Chain): string {
  const words = [`${WORDS[kind]} ${of.name}`];
  for (let { cause } = of; cause !== undefined; cause = cause.of.cause) {
    words.push(`${WORDS[cause.kind]} ${cause.of.name}`);
  }
  return words.join(", ");
}

/** The method that a call names, or a text that says what is wrong with the call. */
export function findTarget(
  { services, unserved }: Targets,
  { serviceName, commandName, typeUrl }: Call,
): ServedMethod | string {
  const service = services.get(serviceName);
  const method = service?.methods.get(commandName);
  if (service === undefined || method === undefined) {
    const refused = unserved.find(
      (part) =>
        part.what === "calls" &&
        part.service === serviceName &&
        (part.method === undefined || part.method === commandName),
    );
    if (refused !== undefined) return refused.reason;
    return service === undefined
      ? `unknown service ${JSON.stringify(serviceName)}`
      : `unknown command ${JSON.stringify(commandName)} of ${serviceName}`;
  }
  // SDKs put different prefixes before the type name. A call without a type has an empty message.
  const name = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  const { typeName } = method.desc.input;
  if (name !== typeName && typeUrl !== "") return `${methodName(method)} takes ${typeName}, not ${name}`;
  return method;
}
