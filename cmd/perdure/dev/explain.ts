// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../../../pkg/base/mod.ts";

/** The ports that were asked for. */
export interface AskedPorts {
  readonly httpPort: number;
  readonly adminPort: number;
}

/** Why the proxy did not start, and what its developer can do about it on this command line. */
export function explainStart(error: unknown, { httpPort, adminPort }: AskedPorts): string {
  switch (codeOf(error)) {
    case "ENDPOINT_PORT_IN_USE":
      return portInUse(httpPort, "http-port");
    case "ADMIN_PORT_IN_USE":
      return portInUse(adminPort, "admin-port");
    case "LOG_LOCKED":
      return (
        `${describeError(error)}; if it is another perdure dev, stop that one, or give this one a log and a port ` +
        "of its own with --log sqlite:PATH --http-port PORT"
      );
    case "LOG_CORRUPT":
    case "LOG_TOO_NEW":
      return `${describeError(error)}; or start with empty state: perdure dev --reset`;
    default:
      return describeError(error);
  }
}

function portInUse(port: number, flag: string): string {
  const other = port < 65_535 ? port + 1 : port - 1;
  return `port ${port} is in use by another program; stop that one, or choose another port with --${flag} ${other}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
