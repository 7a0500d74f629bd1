// SPDX-License-Identifier: Apache-2.0

import type { Endpoint, FrontPage } from "../../endpoint/mod.ts";
import { startEndpoint } from "../../endpoint/mod.ts";
import type { Dispatch } from "../../router/mod.ts";
import { tracedDispatch } from "../../router/mod.ts";
import { NO_TRACER } from "../../telemetry/mod.ts";

import type { RequestRecord, RequestRecords } from "../request-records.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import { REQUESTS_SHARE } from "./shared.ts";
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
  { options, clock, telemetry, memory, patiently }: Shared,
  { userFunction, served }: UserFunctionPart,
  dispatch: Dispatch,
  { front, records, onRequest }: EndpointExtras,
): EndpointPart {
  const { tracer } = telemetry;
  let endpoint: Endpoint | undefined;
  return {
    name: "endpoint",
    port: () => endpoint?.port ?? 0,
    async start() {
      const started = await startEndpoint(options, {
        dispatch: tracer === NO_TRACER ? dispatch : tracedDispatch(dispatch, tracer),
        clock,
        telemetry,
        accounts: memory.callers,
        absence: () => userFunction.absence,
        onAnswered: onRequest && records && ((answered) => onRequest(records.of(answered))),
        ...(front && { front }),
      });
      served.subscribe((spec) => started.setSpec(spec));
      endpoint = started;
    },
    inspect: () =>
      endpoint === undefined ? {} : { port: endpoint.port, connections: { ...endpoint.connections() } },
    async stop() {
      if (endpoint !== undefined) await patiently(endpoint.close(options.drainTimeoutMs * REQUESTS_SHARE));
    },
  };
}
