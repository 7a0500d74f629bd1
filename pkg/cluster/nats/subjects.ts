// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { PeerId } from "../placement.ts";

/**
 * Subjects of what members say to each other and nobody stores. They do not begin with the bucket's name and a dot,
 * because its stream stores everything that does.
 */
export function heartbeatSubject(bucket: string): string {
  return `${bucket}-talk.heartbeat`;
}

/** Where one member is asked whether it is there. It subscribes while it is a member. */
export function pingSubject(bucket: string, id: PeerId): string {
  return `${bucket}-talk.ping.${encodeToken(id)}`;
}

/** Writes a member's id as one token of a subject. Ids have dots, which separate tokens. */
export function encodeToken(id: PeerId): string {
  return Buffer.from(id).toString("base64url");
}

export function decodeToken(token: string): PeerId {
  return Buffer.from(token, "base64url").toString("utf8");
}
