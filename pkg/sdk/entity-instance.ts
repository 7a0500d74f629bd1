// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescService, Message } from "@bufbuild/protobuf";

import type { CheckTarget } from "./call-target.ts";
import type { Report } from "./error.ts";
import { brokenText } from "./error.ts";

/** What an entity in memory needs from the server or test kit that drives it. */
export interface InstanceOptions<Entity> {
  /** The entity that serves a service, by the service's full name. */
  readonly find: (serviceName: string) => Entity | undefined;
  /** Called with every error that ends the stream, and where it happened. */
  readonly report: Report;
  /** Checks every target of a forward or an effect. */
  readonly check: CheckTarget;
  /** Called with every new state. The test kit freezes it. */
  readonly seal?: (state: Message) => void;
}

/** One entity on one stream, without the stream itself: turns each message from the proxy into its answer. */
export interface EntityInstance<In, Out extends EntityOut> {
  /** The answer, a promise of it if the handler is async, or undefined if the message needs none. Never throws. */
  receive(message: In): Out | Promise<Out> | undefined;
}

/** After a message of case `failure` the stream is over. */
export interface EntityOut {
  readonly message: { readonly case: "reply" | "failure" | undefined };
}

/** The command id in a failure that belongs to no command. */
export const NO_COMMAND = 0n;

/** The entity on a stream, for messages to people. */
interface Named {
  readonly entity: { readonly service: DescService; readonly persistenceId: string };
  readonly entityId: string;
}

/** Reports why a stream is broken, and returns the text of its last message. `command` names the running command. */
export function reportBroken(
  { report }: Pick<InstanceOptions<unknown>, "report">,
  active: Named | undefined,
  command: string | undefined,
  error: unknown,
): string {
  report(active === undefined ? "" : whereOf(active, command), error);
  return brokenText(error);
}

function whereOf({ entity, entityId }: Named, command: string | undefined): string {
  const { typeName } = entity.service;
  const method = command === undefined ? typeName : `${typeName}/${command}`;
  return `${method}, entity ${entity.persistenceId}/${shown(entityId)}`;
}

/** Escapes control characters, because a caller chose the id and a terminal may obey them. */
function shown(entityId: string): string {
  return /\p{C}/u.test(entityId) ? inspect(entityId) : entityId;
}
