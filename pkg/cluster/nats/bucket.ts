// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { DeliverPolicy, JetStreamApiCodes, jetstream, PubHeaders } from "@nats-io/jetstream";
import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { nanos, headers as newHeaders } from "@nats-io/transport-node";

import type { NatsLink } from "../../nats/mod.ts";
import { isNoResponder, NatsError } from "../../nats/mod.ts";

import type { MemberInfo } from "../node/member.ts";
import type { Entry } from "../node/owners.ts";
import type { PeerId } from "../placement.ts";
import { decodeToken, encodeToken } from "../subject-token.ts";
import { decodeMember, decodeSegment, encodeMember, encodeSegment } from "./key-codec.ts";

export interface BucketOptions {
  /** The name of the stream, and the beginning of its subjects. */
  readonly name: string;
  readonly replicas: number;
  readonly segments: number;
  /** Shards of a segment. */
  readonly segmentSize: number;
  /** After so long the server drops the key of a member that was not renewed. Whole seconds. */
  readonly ttlMs: number;
  readonly requestTimeoutMs: number;
}

/** Tells a stream from another one of the same name, and from itself with older content. */
export interface BucketState {
  /** When it was made, by the server's clock. Two streams of one name differ in it. */
  readonly madeAt: string;
  /** Of the newest change. */
  readonly lastRevision: number;
}

/** What became of a conditional write. `unknown`: it may be stored, now or later. */
export type Written =
  | { readonly kind: "stored"; readonly revision: number }
  | { readonly kind: "refused" }
  | { readonly kind: "unknown" };

/** A key as it is now. Without a value: it is not there. */
export interface Found<T> {
  readonly revision: number;
  readonly value: T | undefined;
}

export type BucketChange =
  | {
      readonly kind: "member";
      readonly id: PeerId;
      readonly revision: number;
      readonly info: MemberInfo | undefined;
    }
  | {
      readonly kind: "segment";
      readonly segment: number;
      readonly revision: number;
      readonly entries: readonly Entry[] | undefined;
    };

/** Is told what a watch shows. */
export interface BucketWatcher {
  readonly onChange: (change: BucketChange) => void;
  readonly onListed: () => void;
}

/** After so long without a reader the server forgets a watch, in milliseconds. */
const FORGOTTEN_MS = 30_000;

/** How long the mark of a deleted key stays, so that all watches see it. */
const MARKER_S = 60;

/**
 * Members and owners of a service in one stream of JetStream, one message per key.
 *
 * 1. A write names the revision of the key that it replaces, and the server refuses it otherwise. The revision is the
 *    sequence of the key's message; 0 if there is none.
 * 2. A key without bytes is not there: somebody deleted it, or the server dropped it because its time was over.
 * 3. A write without an answer is `unknown`, and not sent again here: the caller knows whether it still wants it.
 * 4. What cannot be read counts as not there, so that a damaged key heals (I12). Keys that no proxy writes are ignored,
 *    also those that would read as another spelling of a member or a segment.
 */
export class ClusterBucket {
  readonly #link: NatsLink;
  readonly #options: BucketOptions;

  private constructor(link: NatsLink, options: BucketOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Makes the stream if it is not there. @throws NatsError */
  static async open(link: NatsLink, options: BucketOptions): Promise<ClusterBucket> {
    const bucket = new ClusterBucket(link, options);
    await bucket.prepare();
    return bucket;
  }

  /**
   * Makes the stream if it is not there.
   *
   * @throws NatsError `NATS_UNFIT_SERVER` if there is a stream of this name that is no such bucket.
   */
  async prepare(): Promise<BucketState> {
    const { name } = this.#options;
    let answer = await this.#info();
    if (answer.error?.err_code === JetStreamApiCodes.StreamNotFound) answer = await this.#make();
    const { config, created, state, error } = answer;
    if (config === undefined || created === undefined || state === undefined) {
      const text = `the stream ${name} cannot be used: ${error?.description ?? "its description is incomplete"}`;
      throw new NatsError("NATS_FAILED", text);
    }
    if (config.max_msgs_per_subject !== 1 || config.allow_msg_ttl !== true) {
      const text = `the stream ${name} is not one of members and owners: delete it, and it is made again`;
      throw new NatsError("NATS_UNFIT_SERVER", text);
    }
    return { madeAt: created, lastRevision: state.last_seq };
  }

  putMember(id: PeerId, expected: number, info: MemberInfo): Promise<Written> {
    const ttlS = Math.ceil(this.#options.ttlMs / 1_000);
    return this.#put(memberKey(id), expected, encodeMember(info), ttlS);
  }

  putSegment(segment: number, expected: number, entries: readonly Entry[]): Promise<Written> {
    return this.#put(segmentKey(segment), expected, encodeSegment(entries), undefined);
  }

  /**
   * Deletes the key of a member, if it has this revision. Also `stored` if there is no such key. A key that went
   * without a trace gets the mark of a deleted one, because nobody has seen it go: who purges a stream leaves no marks.
   */
  async removeMember(id: PeerId, expected: number): Promise<Written> {
    const key = memberKey(id);
    const written = await this.#put(key, expected, NO_BYTES, MARKER_S);
    if (written.kind !== "refused") return written;
    const found = await this.#last(key);
    if (found === undefined) return { kind: "unknown" };
    if (found.bytes.length > 0) return written;
    return found.revision > 0
      ? { kind: "stored", revision: found.revision }
      : await this.#put(key, 0, NO_BYTES, MARKER_S);
  }

  /** Undefined: no answer. */
  async member(id: PeerId): Promise<Found<MemberInfo> | undefined> {
    const found = await this.#last(memberKey(id));
    return found && { revision: found.revision, value: decodeMember(found.bytes) };
  }

  /** Undefined: no answer. */
  async segment(segment: number): Promise<Found<readonly Entry[]> | undefined> {
    const found = await this.#last(segmentKey(segment));
    return (
      found && { revision: found.revision, value: decodeSegment(found.bytes, this.#options.segmentSize) }
    );
  }

  /**
   * Shows all keys as they are, then each change as it comes, in order of revision, until the signal aborts. Says once
   * when it has shown all keys that there are.
   *
   * @throws what NATS's client throws, if the server ends it.
   */
  async watch({ onChange, onListed }: BucketWatcher, signal: AbortSignal): Promise<void> {
    const { name, requestTimeoutMs: timeout } = this.#options;
    const client = jetstream(this.#link.connection, { timeout });
    const getting = client.consumers.get(name, {
      deliver_policy: DeliverPolicy.LastPerSubject,
      inactive_threshold: FORGOTTEN_MS,
    });
    const consumer = await Promise.race([getting, aborted(signal)]);
    if (consumer === undefined || signal.aborted) return;
    const messages = await consumer.consume();
    const stop = (): void => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    let isListed = false;
    for await (const { subject, seq, data, info } of messages) {
      if (signal.aborted) break;
      const change = this.#changeOf(subject.slice(name.length + 1), seq, data);
      if (change !== undefined) onChange(change);
      if (isListed || info.pending > 0) continue;
      isListed = true;
      onListed();
    }
  }

  async #info(): Promise<ApiAnswer> {
    const { name } = this.#options;
    return await this.#ask(`STREAM.INFO.${name}`, "");
  }

  async #make(): Promise<ApiAnswer> {
    const { name, replicas } = this.#options;
    const made = await this.#ask(`STREAM.CREATE.${name}`, {
      name,
      subjects: [`${name}.>`],
      retention: "limits",
      storage: "file",
      num_replicas: replicas,
      max_msgs_per_subject: 1,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: nanos(MARKER_S * 1_000),
    });
    if (made.error === undefined) return made;
    // Another proxy may have made it with other settings in the meantime.
    const found = await this.#info();
    return found.error === undefined ? found : made;
  }

  /** @throws NatsError */
  #ask(subject: string, payload: object | ""): Promise<ApiAnswer> {
    return this.#link.ask({
      subject: `$JS.API.${subject}`,
      payload: payload === "" ? "" : JSON.stringify(payload),
      receive: (message) => {
        if (!isNoResponder(message)) return message.json<ApiAnswer>();
        throw new NatsError("NATS_NO_RESPONDERS", "JetStream is off, or has no leader now");
      },
    });
  }

  #changeOf(key: string, revision: number, bytes: Uint8Array): BucketChange | undefined {
    const { segmentSize, segments } = this.#options;
    const [kind = "", token = ""] = key.split(".");
    if (kind === "member") {
      const id = decodeToken(token);
      return key === memberKey(id) ? { kind, id, revision, info: decodeMember(bytes) } : undefined;
    }
    const segment = Number(token);
    const isSegment = key === segmentKey(segment) && segment >= 0 && segment < segments;
    if (!isSegment) return undefined;
    return { kind: "segment", segment, revision, entries: decodeSegment(bytes, segmentSize) };
  }

  #put(key: string, expected: number, payload: Uint8Array, ttlS: number | undefined): Promise<Written> {
    const headers = newHeaders();
    headers.set(PubHeaders.ExpectedLastSubjectSequenceHdr, String(expected));
    if (ttlS !== undefined) headers.set(PubHeaders.MessageTTL, `${ttlS}s`);
    return new Promise((resolve) => {
      this.#send(`${this.#options.name}.${key}`, payload, headers, (message) =>
        resolve(message === undefined ? { kind: "unknown" } : writtenOf(message)),
      );
    });
  }

  /** The key's message, from the stream's leader; without bytes if there is none. Undefined: no answer. */
  #last(key: string): Promise<{ readonly revision: number; readonly bytes: Uint8Array } | undefined> {
    const { name } = this.#options;
    const request = Buffer.from(JSON.stringify({ last_by_subj: `${name}.${key}` }));
    return new Promise((resolve) => {
      this.#send(`$JS.API.STREAM.MSG.GET.${name}`, request, undefined, (message) => {
        const { message: found, error } = message === undefined ? {} : answerOf(message);
        if (found !== undefined)
          resolve({ revision: found.seq, bytes: Buffer.from(found.data ?? "", "base64") });
        else
          resolve(
            error?.err_code === JetStreamApiCodes.NoMessageFound
              ? { revision: 0, bytes: NO_BYTES }
              : undefined,
          );
      });
    });
  }

  #send(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
    answer: (message: Msg | undefined) => void,
  ): void {
    const take = (message: Msg): boolean => {
      // Nobody listens: the stream has no leader now, or somebody deleted it.
      answer(isNoResponder(message) ? undefined : message);
      return true;
    };
    const fail = (): void => answer(undefined);
    this.#link.send({ subject, payload, take, fail, ...(headers && { headers }) });
  }
}

function memberKey(id: PeerId): string {
  return `member.${encodeToken(id)}`;
}

function segmentKey(segment: number): string {
  return `segment.${segment}`;
}

interface ApiAnswer {
  readonly config?: { readonly max_msgs_per_subject?: number; readonly allow_msg_ttl?: boolean };
  readonly created?: string;
  readonly state?: { readonly last_seq: number };
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const abort = (): void => resolve(undefined);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

const NO_BYTES = new Uint8Array(0);

interface Answer {
  readonly seq?: number;
  readonly message?: { readonly seq: number; readonly data?: string };
  readonly error?: { readonly err_code?: number };
}

function answerOf(message: Msg): Answer {
  return message.json<Answer>();
}

function writtenOf(message: Msg): Written {
  const { seq, error } = answerOf(message);
  if (seq !== undefined && error === undefined) return { kind: "stored", revision: seq };
  return { kind: error?.err_code === JetStreamApiCodes.StreamWrongLastSequence ? "refused" : "unknown" };
}
