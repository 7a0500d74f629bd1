// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import type { ClientAction, SideEffect } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { ClientActionSchema, SideEffectSchema } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";

/**
 * A short description of a model's answer to one request. `Change` describes the change of the state; each kind of
 * entity has its own type for it.
 */
export interface Answer<Change> {
  readonly outcome: Outcome;
  readonly effects: readonly Effect[];
  readonly change: Change | undefined;
}

export type Outcome =
  | { readonly kind: "reply"; readonly message: string }
  | { readonly kind: "forward"; readonly id: string }
  | { readonly kind: "failure"; readonly description: string; readonly restart: boolean };

/** A side effect on the second service, with this id. */
export interface Effect {
  readonly id: string;
  readonly synchronous: boolean;
}

interface More<Change> {
  readonly effects?: readonly Effect[];
  readonly change?: Change;
}

export function replies<Change>(
  message: string,
  { effects = [], change }: More<Change> = {},
): Answer<Change> {
  return { outcome: { kind: "reply", message }, effects, change };
}

export function forwards<Change>(id: string, { effects = [], change }: More<Change> = {}): Answer<Change> {
  return { outcome: { kind: "forward", id }, effects, change };
}

export function fails(
  description: string,
  { restart = false }: { readonly restart?: boolean } = {},
): Answer<never> {
  return { outcome: { kind: "failure", description, restart }, effects: [], change: undefined };
}

export function effects(...ids: readonly string[]): Effect[] {
  return ids.map((id) => ({ id, synchronous: false }));
}

export function synchronousEffects(...ids: readonly string[]): Effect[] {
  return ids.map((id) => ({ id, synchronous: true }));
}

/** Packs a message into an `Any` with Cloudstate's type URL prefix. */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  const value = toBinary(schema, create(schema, init));
  return create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value });
}

/** Where forwards and effects of a model go: to this method, with a request of this id. */
export interface Target {
  readonly method: DescMethod;
  readonly request: (id: string) => Any;
}

/** @param commandId of a failure: the command's for entities, 0 for actions. @param reply packs the reply's text. */
export function clientAction(
  outcome: Outcome,
  { commandId, reply, target }: { commandId: bigint; reply: (message: string) => Any; target: Target },
): ClientAction {
  switch (outcome.kind) {
    case "reply":
      return create(ClientActionSchema, {
        action: { case: "reply", value: { payload: reply(outcome.message) } },
      });
    case "forward":
      return create(ClientActionSchema, {
        action: { case: "forward", value: { ...calleeOf(target), payload: target.request(outcome.id) } },
      });
    case "failure": {
      const { description, restart } = outcome;
      return create(ClientActionSchema, {
        action: { case: "failure", value: { commandId, description, restart } },
      });
    }
  }
}

export function sideEffects(given: readonly Effect[], target: Target): SideEffect[] {
  return given.map(({ id, synchronous }) =>
    create(SideEffectSchema, { ...calleeOf(target), payload: target.request(id), synchronous }),
  );
}

function calleeOf({ method }: Target): { readonly serviceName: string; readonly commandName: string } {
  return { serviceName: method.parent.typeName, commandName: method.name };
}
