// SPDX-License-Identifier: Apache-2.0

import { DevError } from "./dev-error.ts";

/** Stands for the trace's id in `--trace-url`. */
const ID = "{id}";

/** Where Jaeger shows traces, if it is on this machine, where most developers run it. */
const JAEGER_PORT = 16_686;

const THIS_MACHINE: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** @throws DevError `BAD_USAGE` if the address has no place for the id. */
export function checkTraceUrl(url: string | undefined): void {
  if (url !== undefined && !url.includes(ID))
    throw new DevError(
      "BAD_USAGE",
      `--trace-url has no place for the trace's id: write ${ID} where it belongs`,
    );
}

/**
 * Where a trace can be looked at, or else its id.
 *
 * @param endpoint where spans are sent; undefined: nowhere, and there is nothing to look at
 * @param url of a viewer, with `{id}`; undefined: Jaeger's, if spans are sent to this machine
 */
export function traceLink(
  traceId: string,
  endpoint: string | undefined,
  url: string | undefined,
): string | undefined {
  if (url !== undefined) return url.replaceAll(ID, traceId);
  if (endpoint === undefined) return undefined;
  const host = URL.parse(endpoint)?.hostname;
  if (host === undefined || !THIS_MACHINE.includes(host)) return traceId;
  return `http://${host}:${JAEGER_PORT}/trace/${traceId}`;
}
