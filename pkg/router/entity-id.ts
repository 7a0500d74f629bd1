// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { EntityKey } from "../protocol/mod.ts";
import { MessageError } from "../protocol/mod.ts";
import type { Values } from "../settings/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import type { RouterErrorCode } from "./router-error.ts";
import { routerError, tooManyFields } from "./router-error.ts";
import type { ENTITY_ID_SETTINGS } from "./settings.ts";

/** How much of a message is read for its key, and which entity ids are accepted. A length is in UTF-16 code units. */
export type EntityIdRules = Values<typeof ENTITY_ID_SETTINGS>;

/**
 * Reads from a request the id of the entity that it is for.
 *
 * @throws StatusError INVALID_ARGUMENT: `MALFORMED_MESSAGE`, `REQUEST_TOO_MANY_FIELDS`, `ENTITY_KEY_MISSING`,
 * `ENTITY_ID_TOO_LONG`, `ENTITY_KEY_AMBIGUOUS`
 */
export function readEntityId(
  { entityKey, desc }: EntityMethod,
  payload: Uint8Array,
  { maxRequestFields: maxFields, maxEntityIdLength: maxLength, strictEntityKeys }: EntityIdRules,
): string {
  let key: EntityKey;
  try {
    key = entityKey.read(payload, { maxFields, maxLength });
  } catch (error) {
    if (error instanceof MessageError) throw tooManyFields(desc.input, maxFields);
    const text = `the request is not a ${desc.input.typeName} message`;
    throw invalid("MALFORMED_MESSAGE", text, error);
  }
  if (key.kind === "missing") {
    const text = `the request names no entity: a key field of ${desc.input.typeName} is empty`;
    throw invalid("ENTITY_KEY_MISSING", text);
  }
  if (key.kind === "too-long")
    throw invalid("ENTITY_ID_TOO_LONG", `the entity id has more than ${maxLength} characters`);
  const { id, mayMeetOthers } = key;
  if (strictEntityKeys && mayMeetOthers) {
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
