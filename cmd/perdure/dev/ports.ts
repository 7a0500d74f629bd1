// SPDX-License-Identifier: Apache-2.0

/** Ports as they were asked for, or as they are by default. */
export interface WantedPorts {
  readonly httpHost: string;
  readonly adminHost: string;
  readonly http: number;
  /** A flag or a variable says so: no other will do. */
  readonly isHttpChosen: boolean;
  readonly admin: number;
  readonly isAdminChosen: boolean;
}

export interface Ports {
  readonly http: number;
  /** 0: any. */
  readonly admin: number;
  /** The public port that would have been, if another program has it. */
  readonly taken: number | undefined;
}

/** The admin port stands this far above the public one, as 9010 above 9000. */
const ADMIN_PORT_OFFSET = 10;

/** Ports that are looked at for a free one. */
const MAX_TRIES = 100;

const LAST_PORT = 65_535;

/**
 * The public port is the next free one if the default is in use; one that was chosen stays, and is refused later, by name.
 * The admin port, which few know of, follows it, and gives way to any other.
 */
export async function choosePorts(
  wanted: WantedPorts,
  isFree: (host: string, port: number) => Promise<boolean>,
): Promise<Ports> {
  const http = wanted.isHttpChosen ? wanted.http : await nextFree(wanted, isFree);
  return {
    http,
    admin: wanted.isAdminChosen ? wanted.admin : await adminPort(wanted.adminHost, http, isFree),
    taken: http === wanted.http ? undefined : wanted.http,
  };
}

async function nextFree(
  { httpHost, http }: WantedPorts,
  isFree: (host: string, port: number) => Promise<boolean>,
): Promise<number> {
  for (let port = http; port < http + MAX_TRIES && port <= LAST_PORT; port++)
    if (await isFree(httpHost, port)) return port;
  return http;
}

async function adminPort(
  host: string,
  http: number,
  isFree: (host: string, port: number) => Promise<boolean>,
): Promise<number> {
  const port = http + ADMIN_PORT_OFFSET;
  if (http === 0 || port > LAST_PORT) return 0;
  return (await isFree(host, port)) ? port : 0;
}
