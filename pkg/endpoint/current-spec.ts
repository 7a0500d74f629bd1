// SPDX-License-Identifier: Apache-2.0

import type { MethodHandler, StatusError } from "../grpc/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";

import { grpcMethods } from "./grpc-methods.ts";
import type { HttpService } from "./http/http-service.ts";
import { createTranscoder } from "./http/transcoder.ts";
import { JsonCodecs } from "./json/json-codec.ts";
import type { EndpointOptions } from "./options.ts";
import type { ServingContext } from "./serving.ts";
import { failing, Unserved } from "./unserved.ts";
import type { WebSocketMethods } from "./websocket/methods.ts";
import { webSocketMethods } from "./websocket/methods.ts";

/** What serves one specification. */
interface Serving {
  readonly transcoder: HttpService;
  readonly methods: ReadonlyMap<string, MethodHandler>;
  readonly webSocketMethods: WebSocketMethods;
  readonly codecs: JsonCodecs;
  readonly unserved: Unserved;
}

function serve(spec: UserFunctionSpec, options: EndpointOptions, context: ServingContext): Serving {
  const codecs = new JsonCodecs(spec.descriptors, options, context.clock, context.telemetry);
  const unserved = new Unserved(spec);
  return {
    transcoder: createTranscoder(spec, codecs, context, unserved),
    methods: grpcMethods(spec, context),
    webSocketMethods: webSocketMethods(spec, codecs, context),
    codecs,
    unserved,
  };
}

/** The specification that is served at the moment, or none. A new one replaces it in one step. */
export class CurrentSpec {
  readonly #options: EndpointOptions;
  readonly #context: ServingContext;
  readonly #absence: () => StatusError;
  #serving: Serving | undefined;

  /** @param absence the caller's error while nothing is served. */
  constructor(options: EndpointOptions, context: ServingContext, absence: () => StatusError) {
    this.#options = options;
    this.#context = context;
    this.#absence = absence;
  }

  /** @throws the caller's error if nothing is served. */
  get(): Serving {
    if (this.#serving === undefined) throw this.#absence();
    return this.#serving;
  }

  /** @param path as `/shop.Cart/Add`. */
  method(path: string): MethodHandler | undefined {
    return this.#serving?.methods.get(path);
  }

  /** Why a method is announced and not served; undefined if it is not announced, or nothing is served. */
  refusalOf(path: string): StatusError | undefined {
    return this.#serving?.unserved.call(path);
  }

  /** Fails calls of a method that is not served now; undefined if the specification does not announce it. */
  failing(path: string): MethodHandler | undefined {
    const error = this.#serving === undefined ? this.#absence() : this.refusalOf(path);
    return error && failing(error);
  }

  set(spec: UserFunctionSpec | undefined): void {
    this.close();
    this.#serving = spec && serve(spec, this.#options, this.#context);
  }

  close(): void {
    this.#serving?.codecs.close();
  }
}
