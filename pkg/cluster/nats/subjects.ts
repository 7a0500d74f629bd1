// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import { encodeToken } from "../subject-token.ts";

/**
 * Subjects of what members say to each other and nobody stores. They do not begin with the bucket's name and a dot,
 * because its stream stores everything that does. Here one member says that it is there, to those that watch it.
 */
export function heartbeatSubject(bucket: string, id: PeerId): string {
  return `${bucket}-talk.heartbeat.${encodeToken(id)}`;
}

/** Where one member is asked whether it is there. It subscribes while it is a member. */
export function pingSubject(bucket: string, id: PeerId): string {
  return `${bucket}-talk.ping.${encodeToken(id)}`;
}

/** Where a process hears what comes of its pings. @param process an id that it draws for itself */
export function pongPrefix(bucket: string, process: string): string {
  return `${bucket}-talk.pong.${process}`;
}

/** Begins the subjects of commands that one member sends to another (`pkg/cluster/forward`). */
export function forwardPrefix(bucket: string): string {
  return `${bucket}-talk.forward`;
}
