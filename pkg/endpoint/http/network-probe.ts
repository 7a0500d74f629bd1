// SPDX-License-Identifier: Apache-2.0

import { TEXT_TYPE } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";

/** The value by which Knative asks whether the proxy in front of the user's container answers. */
const QUEUE = "queue";

const HEADER = "k-network-probe";

/** Answers the network probe of Knative (header `K-Network-Probe`), whatever its path. */
export function networkProbe({ headers }: HttpRequest): HttpResponse | undefined {
  if (headers[HEADER] !== QUEUE) return undefined;
  return { status: 200, contentType: TEXT_TYPE, errorCode: undefined, body: QUEUE };
}

/** @throws HttpError `UNKNOWN_PROBE` if the request is a network probe for another part of Knative. */
export function refuseUnknownProbe({ headers }: HttpRequest): void {
  if (headers[HEADER] === undefined || headers[HEADER] === QUEUE) return;
  throw new HttpError("UNKNOWN_PROBE", `the only network probe that is answered here is ${QUEUE}`);
}
