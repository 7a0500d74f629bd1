// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../base/mod.ts";
import type { EntityCommand, EntityReply } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import { messageTypeUrl, NO_METADATA } from "../protocol/mod.ts";
import { methodName } from "../userfunction/mod.ts";
import type { EntityMethod, ServedMethod } from "../userfunction/mod.ts";

import type { Command, CommandReply, Dispatch } from "./command.ts";

export interface RouterDependencies {
  readonly entities: { dispatch(command: EntityCommand): Promise<EntityReply> };
  readonly logger: Logger;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** Longest entity id in UTF-16 code units. */
  readonly maxEntityIdLength: number;
}

/** Why a command cannot be given to an entity. Nothing was done. */
export type RouterErrorCode = "MALFORMED_MESSAGE" | "ENTITY_KEY_MISSING" | "ENTITY_ID_TOO_LONG";

/** Finds the entity that a command is for and hands it over. */
export function createRouter(dependencies: RouterDependencies): Dispatch {
  return {
    async unary({ method, payload, deadlineMs, onCancel }: Command): Promise<CommandReply> {
      if (method.kind === "action") throw unknownMethod(method);
      const entityId = entityIdOf(method, payload, dependencies.maxEntityIdLength);
      const reply = await dependencies.entities.dispatch({ method, entityId, payload, deadlineMs, onCancel });
      checkReplyType(method, reply, dependencies);
      return { payload: reply.payload, metadata: NO_METADATA };
    },
    streamed({ method }) {
      throw unknownMethod(method);
    },
  };
}

function unknownMethod(method: ServedMethod): StatusError {
  return new StatusError(Status.UNIMPLEMENTED, "UNKNOWN_METHOD", `${methodName(method)} is not served`);
}

function entityIdOf(method: EntityMethod, payload: Uint8Array, maxLength: number): string {
  let id: string | undefined;
  try {
    id = method.entityKey.read(payload);
  } catch (error) {
    const text = `the request is not a ${method.desc.input.typeName} message`;
    throw invalid("MALFORMED_MESSAGE", text, error);
  }
  if (id === undefined) {
    const text = `the request names no entity: a key field of ${method.desc.input.typeName} is empty`;
    throw invalid("ENTITY_KEY_MISSING", text);
  }
  if (id.length > maxLength) {
    const text = `the entity id has ${id.length} characters, ${maxLength} are allowed`;
    throw invalid("ENTITY_ID_TOO_LONG", text);
  }
  return id;
}

function invalid(code: RouterErrorCode, text: string, cause?: unknown): StatusError {
  return new StatusError(Status.INVALID_ARGUMENT, code, text, cause === undefined ? undefined : { cause });
}

/** A reply of the wrong type is delivered all the same, as Cloudstate does: its bytes may well be what was meant. */
function checkReplyType(
  method: EntityMethod,
  reply: EntityReply,
  { logger, reportError }: RouterDependencies,
): void {
  const expected = messageTypeUrl(method.desc.output.typeName);
  if (reply.typeUrl === expected) return;
  const name = methodName(method);
  logger.warn("reply of the wrong type", { method: name, expected, got: reply.typeUrl });
  reportError(`${name} answered ${reply.typeUrl}, but ${expected} is declared`);
}
