// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../../../pkg/base/mod.ts";
import type { ListenErrorCode } from "../../../pkg/endpoint/mod.ts";
import type { EventLogCode } from "../../../pkg/eventlog/mod.ts";
import type { AdminErrorCode } from "../../../pkg/proxy/mod.ts";

import type { RunNote } from "./run-note.ts";

/** The settings of the start that failed. */
export interface Asked {
  /** Of the function. */
  readonly name: string;
  readonly httpPort: number;
  readonly adminPort: number;
  /** Another `perdure dev` on the same state, if one is known. */
  readonly other: RunNote | undefined;
}

/** Why the proxy did not start, and what its developer can do about it on this command line. */
export function explainStart(error: unknown, { name, httpPort, adminPort, other }: Asked): string {
  switch (codeOf(error)) {
    case "ENDPOINT_PORT_IN_USE" satisfies ListenErrorCode:
      return portInUse(httpPort, "http-port");
    case "ADMIN_PORT_IN_USE" satisfies AdminErrorCode:
      return portInUse(adminPort, "admin-port");
    case "LOG_LOCKED" satisfies EventLogCode:
      return `${lockedText(error, name, other)}, or give this one a log of its own with --log sqlite:PATH`;
    case "LOG_CORRUPT" satisfies EventLogCode:
    case "LOG_TOO_NEW" satisfies EventLogCode:
      return `${describeError(error)}; or start with empty state: perdure dev --reset`;
    default:
      return describeError(error);
  }
}

function lockedText(error: unknown, name: string, other: RunNote | undefined): string {
  if (other === undefined) return `${describeError(error)}; if it is another perdure dev, stop that one`;
  return `${name} runs already, on ${other.url} (process ${other.pid}): stop that one`;
}

function portInUse(port: number, flag: string): string {
  const other = port < 65_535 ? port + 1 : port - 1;
  return `port ${port} is in use by another program; stop that one, or choose another port with --${flag} ${other}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
