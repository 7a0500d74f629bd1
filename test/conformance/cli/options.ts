// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";

export interface TckOptions {
  /** `host:port` of the user function; undefined: our own model. */
  readonly service: string | undefined;
  /** `host:port` of the proxy's public port; undefined: our own proxy, or, if there is a service, none. */
  readonly proxy: string | undefined;
  /** The address at which a proxy under test, other than our own, looks for its user function. */
  readonly interceptorHost: string;
  readonly interceptorPort: number;
  /** Runs only cases whose group or name contains one of these texts, in small letters; empty: all. */
  readonly filters: readonly string[];
  readonly list: boolean;
  /** Time-out of everything that a case expects, in milliseconds. */
  readonly withinMs: number;
  /** How long the program under test may take to start, in milliseconds. */
  readonly startWithinMs: number;
}

export type Parsed =
  | { readonly kind: "run"; readonly options: TckOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly text: string };

const DEFAULT_INTERCEPTOR_HOST = "127.0.0.1";
const DEFAULT_INTERCEPTOR_PORT = 8090;
const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_WAIT_SECONDS = 60;
const MAX_SECONDS = 3_600;
const MAX_PORT = 65_535;
const MS_PER_SECOND = 1_000;

export const HELP = `Tests user functions and proxies for the Cloudstate 0.2 protocol, with the cases of its TCK.

  npx perdure-tck [options]

  perdure-tck                             Perdure's proxy in front of model services on @perdure/sdk
  perdure-tck --service HOST:PORT         your SDK: a server of the model services, driven as by a proxy
  perdure-tck --proxy HOST:PORT           your proxy, in front of our model services
  perdure-tck --service … --proxy …       both, and your proxy in front of your model services

  --service HOST:PORT      where the user function listens
  --proxy HOST:PORT        the proxy's public port, for gRPC and HTTP
  --interceptor-port N     where the suite listens in place of the user function, default ${DEFAULT_INTERCEPTOR_PORT}
  --interceptor-host HOST  on which address, default ${DEFAULT_INTERCEPTOR_HOST}; 0.0.0.0 for a proxy in a container
  --filter TEXT            only cases with this text in group or name; may be given several times
  --list                   show the cases, run none
  --timeout-seconds N      how long anything that a case expects may take, default ${DEFAULT_TIMEOUT_SECONDS}
  --wait-seconds N         how long proxy and user function may take to be there, default ${DEFAULT_WAIT_SECONDS}
  --help                   this text

A proxy must look for its user function where the suite listens, and finds there whatever --service serves. Start it
when the suite waits for it, afresh for each run: it may discover its user function once, and no more.

The model services are those of the .proto files under test/conformance/protos, which also say what they do. Cases
about services that are not served, or are of a type that the proxy does not offer, are skipped.

Examples:
  npx perdure-tck --service 127.0.0.1:8080
  npx perdure-tck --service 127.0.0.1:8080 --filter "event sourced"
  npx perdure-tck --proxy 127.0.0.1:9000 --interceptor-port 8090

Exit code: 0 no case failed, 1 a case failed, 2 wrong usage or nothing there to test.
`;

/** Reads the command line. */
export function parseOptions(args: readonly string[]): Parsed {
  let values;
  try {
    values = parseArgs({
      args: args.filter((argument) => argument !== "--"),
      options: {
        service: { type: "string" },
        proxy: { type: "string" },
        "interceptor-host": { type: "string", default: DEFAULT_INTERCEPTOR_HOST },
        "interceptor-port": { type: "string", default: String(DEFAULT_INTERCEPTOR_PORT) },
        filter: { type: "string", multiple: true, default: [] },
        list: { type: "boolean", default: false },
        "timeout-seconds": { type: "string", default: String(DEFAULT_TIMEOUT_SECONDS) },
        "wait-seconds": { type: "string", default: String(DEFAULT_WAIT_SECONDS) },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (values.help === true) return { kind: "help" };

  for (const name of ["service", "proxy"] as const) {
    const address = values[name];
    if (address !== undefined && !isAddress(address)) {
      return wrong(`--${name} takes HOST:PORT, not "${address}"`);
    }
  }
  const interceptorPort = Number(values["interceptor-port"]);
  if (!isPort(interceptorPort)) return wrong(`--interceptor-port takes a number from 1 to ${MAX_PORT}`);
  const seconds = [Number(values["timeout-seconds"]), Number(values["wait-seconds"])] as const;
  if (!seconds.every((value) => value > 0 && value <= MAX_SECONDS)) {
    return wrong(`--timeout-seconds and --wait-seconds take a number above 0 and up to ${MAX_SECONDS}`);
  }
  return {
    kind: "run",
    options: {
      service: values.service,
      proxy: values.proxy,
      interceptorHost: values["interceptor-host"],
      interceptorPort,
      filters: values.filter.map((text) => text.toLowerCase()),
      list: values.list,
      withinMs: seconds[0] * MS_PER_SECOND,
      startWithinMs: seconds[1] * MS_PER_SECOND,
    },
  };
}

function isAddress(text: string): boolean {
  const [, port] = /^(?:[^:[\]\s/]+|\[[0-9a-fA-F:.]+\]):(\d+)$/.exec(text) ?? [];
  return port !== undefined && isPort(Number(port));
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= MAX_PORT;
}

function wrong(text: string): Parsed {
  return { kind: "wrong", text };
}
