// SPDX-License-Identifier: Apache-2.0

import type { DescService, Message } from "@bufbuild/protobuf";

import type { CheckTarget } from "./call-target.ts";
import { brokenText } from "./error.ts";

/** What an entity in memory needs of whoever drives it: the server, or the test kit. */
export interface InstanceOptions<Entity> {
  /** The entity that serves a service, by the service's full name. */
  readonly find: (serviceName: string) => Entity | undefined;
  /** Told of every error that ends the stream. */
  readonly report: (text: string, error: unknown) => void;
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

/** Reports why a stream is broken, and gives the text of its last message. */
export function reportBroken(
  { report }: Pick<InstanceOptions<unknown>, "report">,
  active: { readonly entity: { readonly service: DescService }; readonly entityId: string } | undefined,
  error: unknown,
): string {
  const text = brokenText(error);
  const where = active === undefined ? "" : `${active.entity.service.typeName}, entity ${active.entityId}: `;
  report(where + text, error);
  return text;
}
