// SPDX-License-Identifier: Apache-2.0

import type { Registry } from "@bufbuild/protobuf";

import type { Clock } from "../../base/mod.ts";
import type { Descriptors } from "../../protocol/mod.ts";
import { descriptorSet } from "../../protocol/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { HttpErrorCode } from "../http/http-error.ts";
import { HttpError } from "../http/http-error.ts";
import type { HttpBinding } from "../http/http-rule.ts";
import type { ReplyBody } from "../http/reply-json.ts";
import { answersWithBytes, replyEncoder, replyText } from "../http/reply-json.ts";
import type { MessageSource } from "../http/request-message.ts";
import { bodyForm, requestEncoder } from "../http/request-message.ts";
import type { TextCall } from "./json-thread.ts";
import { JsonThread } from "./json-thread.ts";
import type { JsonLimits } from "./limits.ts";
import { SMALL_BYTES, SMALL_VALUES } from "./limits.ts";
import type { BindingRef, Task } from "./task.ts";

/**
 * Converts the messages of one binding to and from JSON. Small messages are converted at once. Large ones are
 * converted in a worker thread, and then the result is a promise. All methods throw HttpError, or reject with it.
 */
export interface JsonCodec {
  /** The serialized input message of a request. The body's memory may move to the thread: it is lost afterwards. */
  request(source: MessageSource, call: TextCall): Uint8Array | Promise<Uint8Array>;
  /** The body of the answer for a serialized output message. */
  reply(payload: Uint8Array, call: TextCall): ReplyBody | Promise<ReplyBody>;
  /** The JSON text of a serialized output message, with `before` in front of it and `after` at its end. */
  text(
    payload: Uint8Array,
    before: string,
    after: string,
    call: TextCall,
  ): string | Uint8Array | Promise<Uint8Array>;
}

/** The codecs of one specification, and the thread that they share. */
export class JsonCodecs {
  readonly #types: Registry;
  readonly #limits: JsonLimits;
  readonly #thread: JsonThread;

  constructor(descriptors: Descriptors, limits: JsonLimits, clock: Clock, telemetry: Telemetry) {
    this.#types = descriptors.registry;
    this.#limits = limits;
    this.#thread = new JsonThread({
      start: () => ({ descriptorSet: descriptorSet(descriptors), limits }),
      timeoutMs: limits.jsonTimeoutMs,
      clock,
      telemetry,
    });
  }

  /** @param index of the binding in its method's bindings; undefined if messages travel whole, as over a WebSocket. */
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
    const inThread = async (source: MessageSource, call: TextCall): Promise<Uint8Array> => {
      const task: Task = { kind: "request", binding: ref, source };
      return (await this.#thread.run(task, call)).bytes;
    };
    return (source, call) => {
      try {
        if (source.body === undefined || source.body.length <= SMALL_BYTES) return encode(source);
      } catch (error) {
        throwUnless("JSON_TOO_MANY_VALUES", error);
      }
      return inThread(source, call);
    };
  }

  #reply(binding: HttpBinding, ref: BindingRef): JsonCodec["reply"] {
    const encode = replyEncoder(binding, this.#types, this.#smallLimits());
    // Bytes are not converted, so their number does not matter.
    const maxBytes = answersWithBytes(binding) ? Number.POSITIVE_INFINITY : SMALL_BYTES;
    const inThread = async (payload: Uint8Array, call: TextCall): Promise<ReplyBody> => {
      const task: Task = { kind: "reply", binding: ref, payload };
      const { contentType, bytes } = await this.#thread.run(task, call);
      return { contentType, body: bytes };
    };
    return (payload, call) => {
      try {
        if (payload.length <= maxBytes) return encode(payload);
      } catch (error) {
        throwUnless("REPLY_TOO_LARGE", error);
      }
      return inThread(payload, call);
    };
  }

  #text(binding: HttpBinding, ref: BindingRef): JsonCodec["text"] {
    const write = replyText(binding, this.#types, this.#smallLimits());
    const inThread = async (
      payload: Uint8Array,
      before: string,
      after: string,
      call: TextCall,
    ): Promise<Uint8Array> => {
      const task: Task = { kind: "text", binding: ref, payload, before, after };
      return (await this.#thread.run(task, call)).bytes;
    };
    return (payload, before, after, call) => {
      try {
        if (payload.length <= SMALL_BYTES) return `${before}${write(payload)}${after}`;
      } catch (error) {
        throwUnless("REPLY_TOO_LARGE", error);
      }
      return inThread(payload, before, after, call);
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

/** @throws the error, unless it refuses a message that the thread may convert. */
function throwUnless(code: HttpErrorCode, error: unknown): void {
  if (!(error instanceof HttpError) || error.code !== code) throw error;
}
