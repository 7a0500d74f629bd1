// SPDX-License-Identifier: Apache-2.0

import { Status } from "../grpc/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import { routerError } from "./router-error.ts";
import type { RouterErrorCode } from "./router-error.ts";

/**
 * The entity that a request is for.
 *
 * @param maxLength longest id in UTF-16 code units
 * @throws StatusError INVALID_ARGUMENT
 */
export function readEntityId(method: EntityMethod, payload: Uint8Array, maxLength: number): string {
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
  return routerError(Status.INVALID_ARGUMENT, code, text, cause);
}
