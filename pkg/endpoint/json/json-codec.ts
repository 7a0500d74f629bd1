// SPDX-License-Identifier: Apache-2.0

import type { Registry } from "@bufbuild/protobuf";

import type { Clock, Logger } from "../../base/mod.ts";
import type { Descriptors } from "../../protocol/mod.ts";
import { descriptorSet } from "../../protocol/mod.ts";

import type { HttpErrorCode } from "../http/http-error.ts";
import { HttpError } from "../http/http-error.ts";
import type { HttpBinding } from "../http/http-rule.ts";
import type { ReplyBody } from "../http/reply-json.ts";
import { answersWithBytes, replyEncoder, replyText } from "../http/reply-json.ts";
import type { MessageSource } from "../http/request-message.ts";
import { bodyForm, requestEncoder } from "../http/request-message.ts";
import { JsonThread } from "./json-thread.ts";
import type { JsonLimits } from "./limits.ts";
import { SMALL_BYTES, SMALL_VALUES } from "./limits.ts";
import type { BindingRef } from "./task.ts";

/**
 * Converts the messages of one binding to and from JSON. Small messages are converted at once. Large ones are
 * converted in a worker thread, and then the result is a promise. All methods throw HttpError, or reject with it.
 */
export interface JsonCodec {
  /**
   * The serialized input message of a request. The body must not be used afterwards, because its memory may move to
   * the thread.
   */
  request(source: MessageSource, caller: Caller): Uint8Array | Promise<Uint8Array>;
  /** The body of the answer for a serialized output message. */
  reply(payload: Uint8Array): ReplyBody | Promise<ReplyBody>;
  /** The JSON text of a serialized output message, with `before` in front of it and `after` at its end. */
  text(payload: Uint8Array, before: string, after: string): string | Uint8Array | Promise<Uint8Array>;
}

/** The caller of a request, who may go away before the body is converted. */
interface Caller {
  onCancel(listener: () => void): void;
}

/** The codecs of one specification, and the thread that they share. */
export class JsonCodecs {
  readonly #types: Registry;
  readonly #limits: JsonLimits;
  readonly #thread: JsonThread;

  constructor(descriptors: Descriptors, limits: JsonLimits, clock: Clock, logger: Logger) {
    this.#types = descriptors.registry;
    this.#limits = limits;
    this.#thread = new JsonThread({
      start: () => ({ descriptorSet: descriptorSet(descriptors), limits }),
      timeoutMs: limits.jsonTimeoutMs,
      clock,
      logger,
    });
  }

  /**
   * @param index the position of the binding among its method's bindings; undefined if messages travel whole, as over
   * a WebSocket.
   */
  of(binding: HttpBinding, index: number | undefined): JsonCodec {
    const { method } = binding;
    const ref: BindingRef = { service: method.parent.typeName, method: method.name, index };
    return {
      request: this.#request(binding, ref),
      reply: this.#reply(binding, ref),
      text: this.#text(binding, ref),
    };
  }

  /** To be called when no further messages will come. Those that wait are still converted. */
  close(): void {
    this.#thread.close();
  }

  #request(binding: HttpBinding, ref: BindingRef): JsonCodec["request"] {
    const encode = requestEncoder(binding, this.#types, this.#limits, SMALL_VALUES);
    if (bodyForm(binding) !== "json") return encode;
    const inThread = async (source: MessageSource, caller: Caller): Promise<Uint8Array> => {
      let isGone = false;
      caller.onCancel(() => void (isGone = true));
      const { bytes } = await this.#thread.run({ kind: "request", binding: ref, source }, () => isGone);
      return bytes;
    };
    return (source, caller) => {
      if (source.body !== undefined && source.body.length > SMALL_BYTES) return inThread(source, caller);
      return orElse(
        "JSON_TOO_MANY_VALUES",
        () => encode(source),
        () => inThread(source, caller),
      );
    };
  }

  #reply(binding: HttpBinding, ref: BindingRef): JsonCodec["reply"] {
    const encode = replyEncoder(binding, this.#types, this.#smallLimits());
    // Bytes are not converted, so their number does not matter.
    const maxBytes = answersWithBytes(binding) ? Number.POSITIVE_INFINITY : SMALL_BYTES;
    const inThread = async (payload: Uint8Array): Promise<ReplyBody> => {
      const { contentType, bytes } = await this.#thread.run(
        { kind: "reply", binding: ref, payload },
        isThere,
      );
      return { contentType, body: bytes };
    };
    return (payload) => {
      if (payload.length > maxBytes) return inThread(payload);
      return orElse(
        "REPLY_TOO_LARGE",
        () => encode(payload),
        () => inThread(payload),
      );
    };
  }

  #text(binding: HttpBinding, ref: BindingRef): JsonCodec["text"] {
    const write = replyText(binding, this.#types, this.#smallLimits());
    const inThread = async (payload: Uint8Array, before: string, after: string): Promise<Uint8Array> => {
      const { bytes } = await this.#thread.run(
        { kind: "text", binding: ref, payload, before, after },
        isThere,
      );
      return bytes;
    };
    return (payload, before, after) => {
      if (payload.length > SMALL_BYTES) return inThread(payload, before, after);
      return orElse(
        "REPLY_TOO_LARGE",
        () => `${before}${write(payload)}${after}`,
        () => inThread(payload, before, after),
      );
    };
  }

  #smallLimits(): JsonLimits {
    const { maxJsonValues, maxJsonReplyBytes } = this.#limits;
    return {
      ...this.#limits,
      maxJsonValues: Math.min(maxJsonValues, SMALL_VALUES),
      maxJsonReplyBytes: Math.min(maxJsonReplyBytes, SMALL_BYTES * 8),
    };
  }
}

/**
 * Calls `first`, which converts at once. If it refuses a message as too large (`code`), calls `second`, with which
 * the thread converts or refuses the message.
 */
function orElse<A, B>(code: HttpErrorCode, first: () => A, second: () => B): A | B {
  try {
    return first();
  } catch (error) {
    if (!(error instanceof HttpError) || error.code !== code) throw error;
  }
  return second();
}

const isThere = (): boolean => false;
