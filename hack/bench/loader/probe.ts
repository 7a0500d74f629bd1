// SPDX-License-Identifier: Apache-2.0

import { Client, credentials } from "@grpc/grpc-js";

import type { LoadCall } from "./job.ts";
import { grpcPath, messageOf } from "./requests.ts";

/** An entity that is not measured. */
const PROBED_ENTITY = 1_000_000_000;

/**
 * Makes one call with grpc-js, which checks the whole response. The lean client does not, and must only make calls
 * that this probe has seen succeed.
 *
 * @throws Error that says how the call failed.
 */
export async function probe(port: number, call: LoadCall): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const asIs = (bytes: Buffer): Buffer => bytes;
  try {
    await new Promise<void>((resolve, reject) => {
      const request = Buffer.from(messageOf(call, PROBED_ENTITY));
      client.makeUnaryRequest(grpcPath(call), asIs, asIs, request, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  } finally {
    client.close();
  }
}
