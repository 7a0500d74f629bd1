// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { Values } from "../settings/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import type { RouterErrorCode } from "./router-error.ts";
import { routerError } from "./router-error.ts";
import type { ENTITY_ID_SETTINGS } from "./settings.ts";

/** Which entity ids are accepted. A length is in UTF-16 code units. */
export type EntityIdRules = Values<typeof ENTITY_ID_SETTINGS>;

/**
 * Reads from a request the id of the entity that it is for.
 *
 * @throws StatusError INVALID_ARGUMENT
 */
export function readEntityId(
  { entityKey, desc }: EntityMethod,
  payload: Uint8Array,
  { maxEntityIdLength: maxLength, strictEntityKeys }: EntityIdRules,
): string {
  let id: string | undefined;
  try {
    id = entityKey.read(payload);
  } catch (error) {
    const text = `the request is not a ${desc.input.typeName} message`;
    throw invalid("MALFORMED_MESSAGE", text, error);
  }
  if (id === undefined) {
    const text = `the request names no entity: a key field of ${desc.input.typeName} is empty`;
    throw invalid("ENTITY_KEY_MISSING", text);
  }
  if (id.length > maxLength) {
    const text = `the entity id has ${id.length} characters, ${maxLength} are allowed`;
    throw invalid("ENTITY_ID_TOO_LONG", text);
  }
  if (strictEntityKeys && entityKey.mayMeetOthers(payload)) {
    const text =
      `the key fields of ${desc.input.typeName} give the entity id ${JSON.stringify(id)}, which another key could have too: ` +
      "a text among several key fields may have no - (--strict-entity-keys)";
    throw invalid("ENTITY_KEY_AMBIGUOUS", text);
  }
  return id;
}

function invalid(code: RouterErrorCode, text: string, cause?: unknown): StatusError {
  return routerError(Status.INVALID_ARGUMENT, code, text, cause);
}
