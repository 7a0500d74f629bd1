// SPDX-License-Identifier: Apache-2.0

import type { Action } from "./action.ts";
import type { CheckTarget } from "./call-target.ts";
import { nameOf } from "./call-target.ts";
import type { Report } from "./error.ts";
import { SdkError } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced-definition.ts";
import type { ValueEntity } from "./value-entity-definition.ts";

/** Whatever `serve` can serve. */
export type Served = EventSourcedEntity | ValueEntity | Action;

/** What a server or a test kit gives to the definitions that it drives. */
export interface Host<Definition> {
  /** The definition that serves a service, by the service's full name. */
  readonly find: (serviceName: string) => Definition | undefined;
  /** Called with every error that answers no command, and where it happened. */
  readonly report: Report;
  /** Checks every target of a forward or an effect. */
  readonly check: CheckTarget;
}

export interface Services {
  /** The definition of a service, by its full name, if it is of this kind. */
  readonly find: <Kind extends Served["kind"]>(
    kind: Kind,
  ) => (serviceName: string) => Extract<Served, { readonly kind: Kind }> | undefined;
  /** @throws SdkError `UNKNOWN_METHOD` for a method that is not served here: a proxy could not call it either. */
  readonly check: CheckTarget;
}

export function servedServices(all: readonly Served[]): Services {
  const byService = new Map(all.map((served) => [served.service.typeName, served]));
  return {
    find: (kind) => (serviceName) => {
      const served = byService.get(serviceName);
      return served?.kind === kind ? (served as Extract<Served, { readonly kind: typeof kind }>) : undefined;
    },
    check: (method) => {
      if (byService.get(method.parent.typeName)?.methods.has(method.name) === true) return;
      throw new SdkError(
        "UNKNOWN_METHOD",
        `${nameOf(method)} is not among the methods that this server serves`,
      );
    },
  };
}
