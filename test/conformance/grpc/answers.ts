// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { anyPack } from "@bufbuild/protobuf/wkt";

import { Status } from "../../../pkg/grpc/mod.ts";
import type { ActionContext, MetadataEntry, ReplyOptions, StatusName } from "../../../pkg/sdk/mod.ts";

import type {
  ConformancePayload,
  Error as ErrorDefinition,
  Header,
  ConformancePayload_RequestInfo as RequestInfo,
  StreamResponseDefinition,
  UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";
import {
  ConformancePayloadSchema,
  HeaderSchema,
  ConformancePayload_RequestInfoSchema as RequestInfoSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";

/** Puts a payload into a method's own answer. */
export type Give<Answer> = (payload: ConformancePayload, options: ReplyOptions) => Answer;

/** The headers, time-out and messages of a request, as the runner wants to see them. */
export function requestInfo({ metadata, timeoutMs }: ActionContext, requests: readonly Any[]): RequestInfo {
  const headers = new Map<string, string[]>();
  for (const [name, value] of metadata) {
    const values = headers.get(name) ?? [];
    values.push(typeof value === "string" ? value : Buffer.from(value).toString("base64"));
    headers.set(name, values);
  }
  return create(RequestInfoSchema, {
    requestHeaders: Array.from(headers, ([name, value]) => create(HeaderSchema, { name, value })),
    requests: [...requests],
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
  });
}

/** What a method with one answer does. */
export async function answerOnce<Answer>(
  definition: UnaryResponseDefinition | undefined,
  info: RequestInfo,
  context: ActionContext,
  give: Give<Answer>,
): Promise<Answer> {
  if (definition === undefined) return give(payloadOf(undefined, info), {});
  const { responseHeaders, response, responseTrailers, responseDelayMs } = definition;
  await delay(responseDelayMs, undefined, { signal: context.signal });
  const headers = entriesOf(responseHeaders);
  const trailers = entriesOf(responseTrailers);
  if (response.case === "error") return abortWith(response.value, info, context, headers, trailers);
  return give(payloadOf(response.value, info), { metadata: headers, trailers });
}

/**
 * Answers a method that streams its answers. The first answer (or an error in its place) contains all information
 * about the request. Later answers contain only the messages that have arrived since the previous one.
 */
export class Answers<Answer> {
  readonly #definition: StreamResponseDefinition | undefined;
  readonly #context: ActionContext;
  readonly #give: Give<Answer>;
  #requests: Any[] = [];
  #given = 0;

  constructor(definition: StreamResponseDefinition | undefined, context: ActionContext, give: Give<Answer>) {
    this.#definition = definition;
    this.#context = context;
    this.#give = give;
  }

  saw(request: Any): void {
    this.#requests.push(request);
  }

  get left(): boolean {
    return this.#given < (this.#definition?.responseData.length ?? 0);
  }

  /** The next answer, after its delay. */
  async next(): Promise<Answer> {
    const {
      responseData = [],
      responseDelayMs,
      responseHeaders,
      responseTrailers,
      error,
    } = this.#definition ?? {};
    const info = this.#info();
    const data = responseData[this.#given];
    await delay(responseDelayMs, undefined, { signal: this.#context.signal });
    this.#given += 1;
    const isLast = !this.left && error === undefined;
    return this.#give(payloadOf(data, info), {
      ...(this.#given === 1 && { metadata: entriesOf(responseHeaders) }),
      ...(isLast && { trailers: entriesOf(responseTrailers) }),
    });
  }

  /** Called after the last answer. */
  end(): void {
    const { error, responseHeaders, responseTrailers } = this.#definition ?? {};
    const metadata = entriesOf(responseHeaders);
    const trailers = entriesOf(responseTrailers);
    if (error === undefined) {
      // Otherwise they went with the answers.
      if (this.#given === 0) this.#context.finish({ metadata, trailers });
      return;
    }
    const info = this.#given === 0 ? this.#info() : undefined;
    abortWith(error, info, this.#context, metadata, trailers);
  }

  #info(): RequestInfo | undefined {
    const requests = this.#requests;
    this.#requests = [];
    if (this.#given === 0) return requestInfo(this.#context, requests);
    return requests.length === 0 ? undefined : create(RequestInfoSchema, { requests });
  }
}

function abortWith(
  { code, message = "", details }: ErrorDefinition,
  info: RequestInfo | undefined,
  { abort }: ActionContext,
  metadata: readonly MetadataEntry[],
  trailers: readonly MetadataEntry[],
): never {
  const name = Object.entries(Status).find(([, number]) => number === code)?.[0] ?? "";
  const all = info === undefined ? details : [...details, anyPack(RequestInfoSchema, info)];
  return abort(name as StatusName, message, { details: all, metadata, trailers });
}

function payloadOf(data: Uint8Array | undefined, requestInfo: RequestInfo | undefined): ConformancePayload {
  return create(ConformancePayloadSchema, {
    ...(data !== undefined && { data }),
    ...(requestInfo !== undefined && { requestInfo }),
  });
}

function entriesOf(headers: readonly Header[] = []): readonly MetadataEntry[] {
  return headers.flatMap(({ name, value }) => value.map((one): MetadataEntry => [name, one]));
}
