// SPDX-License-Identifier: Apache-2.0

import { counter, DURATION_BUCKETS, gauge, histogram } from "../telemetry/mod.ts";

/** What the public port tells about itself. */
export const ENDPOINT_METRICS = {
  requests: counter(
    "requests",
    ["protocol", "status"],
    "Requests to the public port that are over: answered, refused, or given up by their callers (`CANCELLED`). `protocol` is `http`, `grpc`, `grpc-web` or `websocket`; `status` is the HTTP status of a request of `http`, else the name of the gRPC status.",
  ),
  duration: histogram(
    "request_seconds",
    ["protocol"],
    "From the head of a request to the end of its answer. A request with streams takes as long as they are open.",
    DURATION_BUCKETS,
  ),
  connections: gauge("connections", [], "Open connections to the public port."),
} as const;
