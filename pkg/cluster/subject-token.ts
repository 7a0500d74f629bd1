// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

/** A member's id as one token of a NATS subject. Ids have dots, which separate the tokens of a subject. */
export function encodeToken(id: string): string {
  return Buffer.from(id).toString("base64url");
}

/** The id in such a token. A token that `encodeToken` did not make gives some text or other. */
export function decodeToken(token: string): string {
  return Buffer.from(token, "base64url").toString("utf8");
}
