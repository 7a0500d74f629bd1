// SPDX-License-Identifier: Apache-2.0

import type { Endpoint, EndpointOptions, FrontPage } from "../../endpoint/mod.ts";
import { parseOrigins, startEndpoint } from "../../endpoint/mod.ts";
import type { Dispatch } from "../../router/mod.ts";
import { tracedDispatch } from "../../router/mod.ts";
import { NO_TRACER } from "../../telemetry/mod.ts";

import type { ProxyOptions } from "../options.ts";
import type { RequestRecord, RequestRecords } from "../request-records.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

export interface EndpointPart extends Part {
  /** That it listens on, once it has started. */
  readonly port: () => number;
}

export interface EndpointExtras {
  /** Answers `GET /` if no HTTP rule of the user function does. */
  readonly front: FrontPage | undefined;
  readonly records: RequestRecords | undefined;
  readonly onRequest: ((record: RequestRecord) => void) | undefined;
}

/** The public port. */
export function endpointPart(
  { options, clock, telemetry, memory }: Shared,
  { userFunction, served }: UserFunctionPart,
  dispatch: Dispatch,
  { front, records, onRequest }: EndpointExtras,
): EndpointPart {
  const { logger, tracer } = telemetry;
  let endpoint: Endpoint | undefined;
  return {
    name: "endpoint",
    port: () => endpoint?.port ?? 0,
    async start() {
      const started = await startEndpoint(endpointOptions(options), {
        dispatch: tracer === NO_TRACER ? dispatch : tracedDispatch(dispatch, tracer),
        clock,
        logger,
        accounts: memory.callers,
        absence: () => userFunction.absence,
        onAnswered: onRequest && records && ((answered) => onRequest(records.of(answered))),
        ...(front && { front }),
      });
      served.subscribe((spec) => started.setSpec(spec));
      endpoint = started;
    },
    stop: async () => endpoint?.close(options.drainTimeoutMs),
  };
}

function endpointOptions(options: ProxyOptions): EndpointOptions {
  return {
    host: options.httpHost,
    port: options.httpPort,
    maxRequestBytes: options.maxRequestBytes,
    maxBufferedBytes: options.maxBufferedBytes,
    maxJsonValues: options.maxJsonValues,
    maxJsonReplyBytes: options.maxJsonReplyBytes,
    jsonTimeoutMs: options.jsonTimeoutMs,
    maxHeaderBytes: options.maxHeaderBytes,
    maxConnections: options.maxConnections,
    maxOpenRequests: options.maxOpenRequests,
    maxConnectionStreams: options.maxConnectionStreams,
    firstRequestTimeoutMs: options.firstRequestTimeoutMs,
    firstMessageTimeoutMs: options.firstMessageTimeoutMs,
    firstStreamMessageTimeoutMs: options.firstStreamMessageTimeoutMs,
    writeTimeoutMs: options.writeTimeoutMs,
    minWriteRate: options.minWriteRate,
    headersTimeoutMs: options.headersTimeoutMs,
    requestTimeoutMs: options.requestTimeoutMs,
    idleTimeoutMs: options.idleTimeoutMs,
    streamKeepAliveMs: options.streamKeepAliveMs,
    maxIdempotencyKeyLength: options.maxIdempotencyKeyLength,
    corsOrigins: parseOrigins(options.corsOrigins) ?? [],
  };
}
