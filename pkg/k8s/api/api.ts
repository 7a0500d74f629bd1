// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { Agent, request } from "node:https";

import type { Clock } from "../../base/mod.ts";

import type { ApiAccess } from "./access.ts";
import type { JsonObject } from "./json.ts";
import { objectOf, parseJson, textOf } from "./json.ts";
import { K8sError, statusError } from "./k8s-error.ts";

export interface ApiOptions {
  /** From the first byte of a request to the last of its answer. */
  readonly requestTimeoutMs: number;
  /** Largest answer, and largest line of a watch. */
  readonly maxAnswerBytes: number;
}

export interface ApiRequest {
  readonly method: "GET" | "PUT" | "PATCH";
  /** With its query. */
  readonly path: string;
  readonly body?: JsonObject;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of the API server: JSON over HTTPS. Only this class translates errors of the network and of the server.
 */
export class Api {
  readonly #access: ApiAccess;
  readonly #options: ApiOptions;
  readonly #clock: Clock;
  readonly #agent: Agent;

  constructor(access: ApiAccess, options: ApiOptions, clock: Clock) {
    this.#access = access;
    this.#options = options;
    this.#clock = clock;
    this.#agent = new Agent({ keepAlive: true, ca: access.ca, maxSockets: 8 });
  }

  /** @throws K8sError */
  async send(asked: ApiRequest): Promise<JsonObject> {
    const what = describe(asked);
    const { requestTimeoutMs } = this.#options;
    const bound = new AbortController();
    const timeUp = (): void => bound.abort(new Error(`no answer in ${requestTimeoutMs} ms`));
    const timer = this.#clock.schedule(requestTimeoutMs, timeUp);
    try {
      const answer = await this.#open(asked, bound.signal);
      const text = await this.#whole(answer, what);
      const status = answer.statusCode ?? 0;
      if (status < 200 || status > 299) throw statusError(status, what, messageOf(text));
      return parse(text, what);
    } catch (error) {
      throw translated(bound.signal.aborted ? bound.signal.reason : error, what);
    } finally {
      timer.cancel();
    }
  }

  /**
   * The events of a watch, one JSON object a line, until the server ends it.
   *
   * @param forMs how long the server was asked to watch. A watch that lasts `requestTimeoutMs` longer fails.
   * @throws K8sError
   */
  async *watch(asked: ApiRequest, forMs: number): AsyncGenerator<JsonObject, void> {
    const what = describe(asked);
    const bound = new AbortController();
    const timer = this.#clock.schedule(forMs + this.#options.requestTimeoutMs, () => bound.abort());
    try {
      const answer = await this.#open(asked, bound.signal);
      const status = answer.statusCode ?? 0;
      if (status !== 200) throw statusError(status, what, messageOf(await this.#whole(answer, what)));
      for await (const line of this.#lines(answer, what)) yield parse(line, what);
    } catch (error) {
      throw translated(error, what);
    } finally {
      timer.cancel();
      bound.abort();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The head of an answer. The signal, like that of the request, also ends its body. */
  async #open(
    { method, path, body, contentType = "application/json", signal }: ApiRequest,
    bound: AbortSignal,
  ): Promise<IncomingMessage> {
    const { host, port, token } = this.#access;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options: RequestOptions = {
      host,
      port,
      method,
      path,
      signal: signal === undefined ? bound : AbortSignal.any([bound, signal]),
      agent: this.#agent,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${await token()}`,
        ...(text !== undefined && {
          "content-type": contentType,
          "content-length": Buffer.byteLength(text),
        }),
      },
    };
    return new Promise((resolve, reject) => {
      request(options, resolve).on("error", reject).end(text);
    });
  }

  async #whole(answer: IncomingMessage, what: string): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > this.#options.maxAnswerBytes) throw tooLarge(what, this.#options.maxAnswerBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async *#lines(answer: IncomingMessage, what: string): AsyncGenerator<string, void> {
    const started: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        started.push(chunk.subarray(from, end));
        yield Buffer.concat(started).toString("utf8");
        started.length = 0;
        bytes = 0;
        from = end + 1;
      }
      bytes += chunk.length - from;
      if (bytes > this.#options.maxAnswerBytes) throw tooLarge(what, this.#options.maxAnswerBytes);
      if (from < chunk.length) started.push(chunk.subarray(from));
    }
  }
}

function describe({ method, path }: ApiRequest): string {
  return `${method} ${path.split("?", 1)[0]}`;
}

function translated(error: unknown, what: string): K8sError {
  if (error instanceof K8sError) return error;
  return new K8sError("API_UNREACHABLE", `${what}: the API server does not answer`, { cause: error });
}

function tooLarge(what: string, maxBytes: number): K8sError {
  return new K8sError("API_BAD_ANSWER", `${what}: the answer is larger than ${maxBytes} bytes`);
}

/** A proxy in between may have sent a page of its own. */
function parse(text: string, what: string): JsonObject {
  const value = objectOf(parseJson(text));
  if (value !== undefined) return value;
  throw new K8sError("API_BAD_ANSWER", `${what}: the answer is not an object of Kubernetes`);
}

/** The message of a `Status` of Kubernetes, or the beginning of any other body. */
function messageOf(text: string): string {
  return textOf(objectOf(parseJson(text))?.["message"]) ?? text.slice(0, 200);
}
