// SPDX-License-Identifier: Apache-2.0

import type { Subscription } from "@nats-io/transport-node";

import { getOrMake } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import { isNoResponder } from "../../nats/mod.ts";

import type { PeerId } from "../placement.ts";
import { heartbeatSubject, pingSubject } from "./subjects.ts";

export interface MemberTalkDependencies {
  readonly link: NatsLink;
  /** The bucket's name. */
  readonly name: string;
  /** A member has sent a heartbeat, or answered a ping. */
  readonly onHeard: (id: PeerId) => void;
  /** Nobody subscribes to the subject of a member that was pinged. */
  readonly onNoResponder: (id: PeerId) => void;
}

/**
 * What members say to each other and nobody stores: heartbeats, which those hear that watch the member, and pings. A
 * ping without an answer says nothing. One that finds no subscriber is answered at once by the server.
 */
export class MemberTalk {
  readonly #dependencies: MemberTalkDependencies;
  /** By the members that are heard. */
  readonly #heartbeats = new Map<PeerId, Subscription>();
  #id: PeerId | undefined;
  #pings: Subscription | undefined;

  constructor(dependencies: MemberTalkDependencies) {
    this.#dependencies = dependencies;
  }

  /** Hears the heartbeats of these members from now on, and of no others. */
  listenTo(ids: readonly PeerId[]): void {
    for (const [id, subscription] of this.#heartbeats) {
      if (ids.includes(id)) continue;
      subscription.unsubscribe();
      this.#heartbeats.delete(id);
    }
    for (const id of ids) getOrMake(this.#heartbeats, id, () => this.#hear(id));
  }

  /** Answers pings of the member with this id from now on, and of no other. */
  listenAs(id: PeerId | undefined): void {
    if (id === this.#id) return;
    const { link, name } = this.#dependencies;
    this.#pings?.unsubscribe();
    this.#id = id;
    this.#pings =
      id === undefined
        ? undefined
        : link.connection.subscribe(pingSubject(name, id), {
            callback: (error, { reply }) => {
              if (error === null && reply !== undefined) link.publish(reply, NOTHING);
            },
          });
  }

  /** Says nothing as long as there is nobody to listen: whoever watches no other is the only member. */
  heartbeat(id: PeerId): void {
    const { link, name } = this.#dependencies;
    if (this.#heartbeats.size > 0) link.publish(heartbeatSubject(name, id), NOTHING);
  }

  ping(id: PeerId): void {
    const { link, name, onHeard, onNoResponder } = this.#dependencies;
    link.send({
      subject: pingSubject(name, id),
      payload: NOTHING,
      take: (message) => {
        if (isNoResponder(message)) onNoResponder(id);
        else onHeard(id);
        return true;
      },
      fail: () => undefined,
    });
  }

  close(): void {
    this.listenAs(undefined);
    this.listenTo([]);
  }

  #hear(id: PeerId): Subscription {
    const { link, name, onHeard } = this.#dependencies;
    return link.connection.subscribe(heartbeatSubject(name, id), {
      // An error means that we may not subscribe, which the connection reports too.
      callback: (error) => {
        if (error === null) onHeard(id);
      },
    });
  }
}

const NOTHING = new Uint8Array(0);
