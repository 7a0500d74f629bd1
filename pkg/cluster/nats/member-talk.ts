// SPDX-License-Identifier: Apache-2.0

import type { Subscription } from "@nats-io/transport-node";
import { nuid } from "@nats-io/transport-node";

import { getOrMake } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import { isNoResponder } from "../../nats/mod.ts";

import type { PeerId } from "../placement.ts";
import { decodeToken, encodeToken } from "../subject-token.ts";
import { heartbeatSubject, pingSubject, pongPrefix } from "./subjects.ts";

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
 *
 * Answers go to subjects of the talk, and to no other that a ping may name: a user needs no right for more, and nobody
 * makes a proxy publish where it does not want to (I12).
 */
export class MemberTalk {
  readonly #dependencies: MemberTalkDependencies;
  /** By the members that are heard. */
  readonly #heartbeats = new Map<PeerId, Subscription>();
  /** Begins the subjects of answers to its pings, which end with the member that was pinged. */
  readonly #pong: string;
  readonly #pongs: Subscription;
  #id: PeerId | undefined;
  #pings: Subscription | undefined;

  constructor(dependencies: MemberTalkDependencies) {
    const { link, name, onHeard, onNoResponder } = dependencies;
    this.#dependencies = dependencies;
    this.#pong = pongPrefix(name, nuid.next());
    this.#pongs = link.connection.subscribe(`${this.#pong}.*`, {
      callback: (error, message) => {
        if (error !== null) return;
        const id = decodeToken(message.subject.slice(this.#pong.length + 1));
        if (isNoResponder(message)) onNoResponder(id);
        else onHeard(id);
      },
    });
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
              const isPong = error === null && reply?.startsWith(pongPrefix(name, "")) === true;
              if (isPong) link.publish(reply, NOTHING);
            },
          });
  }

  /** Says nothing as long as there is nobody to listen: whoever watches no other is the only member. */
  heartbeat(id: PeerId): void {
    const { link, name } = this.#dependencies;
    if (this.#heartbeats.size > 0) link.publish(heartbeatSubject(name, id), NOTHING);
  }

  ping(id: PeerId): void {
    const { link, name } = this.#dependencies;
    link.publish(pingSubject(name, id), NOTHING, `${this.#pong}.${encodeToken(id)}`);
  }

  close(): void {
    this.listenAs(undefined);
    this.listenTo([]);
    this.#pongs.unsubscribe();
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
