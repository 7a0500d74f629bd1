// SPDX-License-Identifier: Apache-2.0
// A bare HTTP/2 server that sends back what it gets: the least that any server on Node costs.

import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

process.on("disconnect", () => process.exit(0));

// Node makes an error for each stream that is closed with its answer; without a stack it costs next to nothing.
Error.stackTraceLimit = 0;

const server = createServer();
server.on("stream", (stream) => {
  const chunks: Buffer[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  });
});
server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
