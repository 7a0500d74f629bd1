// SPDX-License-Identifier: Apache-2.0

import { SdkError } from "./error.ts";
import type { Served } from "./served.ts";

export interface ServeOptions {
  /** Entities and actions, each of another service. */
  readonly entities: readonly Served[];
  /** Address to listen on. Default: the variable HOST, else 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on; 0 lets the system choose. Default: the variable PORT, else 8080. */
  readonly port?: number;
  /** Shown by the proxy. Default: name and version of the application's package.json. */
  readonly serviceName?: string;
  readonly serviceVersion?: string;
  /** Close and exit with code 0 on SIGTERM and SIGINT. Default true. */
  readonly handleSignals?: boolean;
  /** How long `close` waits for running commands before it cuts them off, in milliseconds. Default 10,000. */
  readonly drainTimeoutMs?: number;
  /** Largest message in either direction, in bytes. Default 12 MiB, as proxies have it. */
  readonly maxMessageBytes?: number;
  /** Where lines for the developer go. Default: standard error. */
  readonly log?: (line: string) => void;
}

/** The options with every default in place. */
export type ServeSettings = Required<Omit<ServeOptions, "entities" | "serviceName" | "serviceVersion">>;

const MAX_PORT = 65_535;

/** Option, else environment, else default. @throws SdkError `BAD_SETTING` */
export function serveSettings(options: ServeOptions, env: Readonly<NodeJS.ProcessEnv>): ServeSettings {
  return {
    host: options.host ?? (env["HOST"] || "127.0.0.1"),
    port: portOf(options.port ?? (env["PORT"] || 8080)),
    handleSignals: options.handleSignals ?? true,
    drainTimeoutMs: whole("drainTimeoutMs", options.drainTimeoutMs ?? 10_000, 0),
    maxMessageBytes: whole("maxMessageBytes", options.maxMessageBytes ?? 12 * 1024 * 1024, 1),
    log: options.log ?? ((line) => process.stderr.write(`${line}\n`)),
  };
}

function portOf(value: number | string): number {
  const port = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return port;
  throw new SdkError("BAD_SETTING", `PORT must be a number from 0 to ${MAX_PORT}, not ${value}`);
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new SdkError("BAD_SETTING", `${name} must be a whole number, ${least} or more, not ${value}`);
}
