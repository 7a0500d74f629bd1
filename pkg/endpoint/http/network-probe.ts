// SPDX-License-Identifier: Apache-2.0

import { TEXT_TYPE } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";

/** The value by which Knative asks whether the proxy in front of the user's container answers. */
const QUEUE = "queue";

/**
 * The answer to a network probe of Knative (header `K-Network-Probe`); undefined if the request is none.
 *
 * @throws HttpError UNKNOWN_PROBE
 */
export function networkProbe({ headers }: HttpRequest): HttpResponse | undefined {
  const value = headers["k-network-probe"];
  if (value === undefined) return undefined;
  if (value !== QUEUE)
    throw new HttpError("UNKNOWN_PROBE", `the only network probe that is answered here is ${QUEUE}`);
  return { status: 200, contentType: TEXT_TYPE, errorCode: undefined, body: QUEUE };
}
