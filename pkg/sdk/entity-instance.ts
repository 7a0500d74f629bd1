// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescService, Message } from "@bufbuild/protobuf";

import type { CheckTarget } from "./call-target.ts";
import type { Report } from "./error.ts";
import { brokenText } from "./error.ts";

/** What an entity in memory needs of whoever drives it: the server, or the test kit. */
export interface InstanceOptions<Entity> {
  /** The entity that serves a service, by the service's full name. */
  readonly find: (serviceName: string) => Entity | undefined;
  /** Told of every error that ends the stream, and where it was. */
  readonly report: Report;
  /** Asked about every target of a forward or an effect. */
  readonly check: CheckTarget;
  /** Told of every new state. The test kit freezes it. */
  readonly seal?: (state: Message) => void;
}

/** One entity on one stream, without the stream: each message in gives the message out, if there is one. */
export interface EntityInstance<In, Out extends EntityOut> {
  /** The answer, a promise of it if the handler is async, or undefined if the message needs none. Never throws. */
  receive(message: In): Out | Promise<Out> | undefined;
}

/** After a message of case `failure` the stream is over. */
export interface EntityOut {
  readonly message: { readonly case: "reply" | "failure" | undefined };
}

/** No command's id; of a failure that is of none. */
export const NO_COMMAND = 0n;

/** The entity on a stream, as people are told of it. */
interface Named {
  readonly entity: { readonly service: DescService; readonly persistenceId: string };
  readonly entityId: string;
}

/** Reports why a stream is broken, and gives the text of its last message. `command` is the name of the one in hand. */
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

/** A caller chose it, and a terminal may take a control character for a command. */
function shown(entityId: string): string {
  return /\p{C}/u.test(entityId) ? inspect(entityId) : entityId;
}
