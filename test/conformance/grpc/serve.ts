// SPDX-License-Identifier: Apache-2.0

/**
 * The program that gRPC's conformance runner tests as a server: our proxy in front of a user function on our SDK. It
 * reads a description of the wanted server from standard input and writes its address to standard output. It serves
 * until SIGTERM. With the argument `half` it is wrong on purpose: it accepts only messages of half the required size.
 */

import { buffer } from "node:stream/consumers";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { serve } from "../../../pkg/sdk/mod.ts";

import { startLocalProxy } from "../../lib/local-proxy.ts";
import { Scope } from "../../lib/scope.ts";
import { conformanceService } from "./conformance-service.ts";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.ts";

/** Each message is preceded by its length, in this many bytes. */
const PREFIX_BYTES = 4;
const HOST = "127.0.0.1";
const PARENT_CHECK_MS = 1_000;

async function main(): Promise<void> {
  endWithParent();
  const input = await buffer(process.stdin);
  const request = fromBinary(ServerCompatRequestSchema, input.subarray(PREFIX_BYTES));
  const part = process.argv.includes("half") ? 0.5 : 1;
  const port = await start(Math.floor(request.messageReceiveLimit * part));
  const response = create(ServerCompatResponseSchema, { host: HOST, port });
  const message = toBinary(ServerCompatResponseSchema, response);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([prefix, message]));
}

/** Ends this process when its parent is gone, because a runner that is killed does not end its servers. */
function endWithParent(): void {
  const parent = process.ppid;
  const check = (): void => {
    if (process.ppid !== parent) process.exit(70);
  };
  setInterval(check, PARENT_CHECK_MS).unref();
}

/** Starts both and gives the public port. @param maxRequestBytes 0: the proxy's default */
async function start(maxRequestBytes: number): Promise<number> {
  const scope = new Scope();
  process.once("SIGTERM", () => {
    void scope[Symbol.asyncDispose]().finally(() => process.exit());
  });
  const userFunction = await serve({
    entities: [conformanceService],
    host: HOST,
    port: 0,
    handleSignals: false,
  });
  scope.teardown(() => userFunction.close());
  const local = await startLocalProxy(scope, userFunction.port, {
    ...(maxRequestBytes > 0 && { PERDURE_MAX_REQUEST_BYTES: String(maxRequestBytes) }),
  });
  await local.ready();
  return local.proxy.port;
}

await main();
