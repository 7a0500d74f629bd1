// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { Subscription } from "@nats-io/transport-node";

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

/** No member has a longer id (I12). */
const MAX_ID_BYTES = 1_000;

/**
 * What members say to each other and nobody stores: heartbeats, which all hear, and pings. A ping without an answer
 * says nothing. One that finds no subscriber is answered at once by the server.
 */
export class MemberTalk {
  readonly #dependencies: MemberTalkDependencies;
  readonly #heartbeats: Subscription;
  #id: PeerId | undefined;
  #pings: Subscription | undefined;

  constructor(dependencies: MemberTalkDependencies) {
    const { link, name, onHeard } = dependencies;
    this.#dependencies = dependencies;
    this.#heartbeats = link.connection.subscribe(heartbeatSubject(name), {
      // An error means that we may not subscribe, which the connection reports too.
      callback: (error, { data }) => {
        if (error === null && data.byteLength <= MAX_ID_BYTES) onHeard(Buffer.from(data).toString("utf8"));
      },
    });
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

  heartbeat(id: PeerId): void {
    this.#dependencies.link.publish(heartbeatSubject(this.#dependencies.name), id);
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
    this.#heartbeats.unsubscribe();
  }
}

const NOTHING = new Uint8Array(0);
