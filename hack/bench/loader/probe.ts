// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:http2";

import type { LoadCall } from "../messages.ts";
import { grpcBody, grpcPath } from "./requests.ts";

/** An entity that is not measured. */
const PROBED_ENTITY = 1_000_000_000;

/**
 * Makes one call with Node's own client, which checks the whole response. The lean client does not, and must only
 * make calls that this probe has seen succeed.
 *
 * @param minded Whether a gRPC status is expected. A bare echo has none.
 * @throws Error that says how the call failed.
 */
export async function probe(port: number, call: LoadCall, minded: boolean): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const last = await exchange(session, call);
    if (minded && last["grpc-status"] !== "0") {
      const { "grpc-status": status, "grpc-message": message } = last;
      throw new Error(`gRPC status ${String(status)}: ${String(message)}`);
    }
  } finally {
    session.destroy();
  }
}

/** The last headers of the answer. */
function exchange(session: ClientHttp2Session, call: LoadCall): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": grpcPath(call),
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    let last: IncomingHttpHeaders = {};
    stream.on("response", (response) => {
      last = response;
      if (response[":status"] !== 200) reject(new Error(`HTTP status ${response[":status"]}`));
    });
    stream.on("trailers", (trailers) => {
      last = trailers;
    });
    stream.on("data", () => undefined);
    stream.on("end", () => resolve(last));
    stream.on("error", reject);
    stream.end(grpcBody(call, PROBED_ENTITY));
  });
}
