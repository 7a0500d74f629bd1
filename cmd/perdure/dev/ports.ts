// SPDX-License-Identifier: Apache-2.0

/** Ports as they were asked for, or as they are by default. */
export interface WantedPorts {
  readonly httpHost: string;
  readonly adminHost: string;
  readonly http: number;
  /** A flag or a variable sets this port, so no other port may replace it. */
  readonly isHttpChosen: boolean;
  readonly admin: number;
  readonly isAdminChosen: boolean;
}

export interface Ports {
  readonly http: number;
  /** 0: any. */
  readonly admin: number;
  /** The default public port, if another program has it. */
  readonly taken: number | undefined;
}

/** The admin port stands this far above the public one, as 9010 above 9000. */
const ADMIN_PORT_OFFSET = 10;

/** How many ports are tried to find a free one. */
const MAX_TRIES = 100;

const LAST_PORT = 65_535;

/** Whether a program could listen there. */
type IsFree = (host: string, port: number) => Promise<boolean>;

/**
 * Ports of so many proxies. If the default public port is in use, the next free one replaces it. A port that was chosen
 * stays, and the start fails later with an error that names it. Each further proxy has the next free port. The default
 * admin port follows the public port. If that one is in use, any free port replaces it, because few people know of it.
 */
export async function choosePorts(
  count: number,
  wanted: WantedPorts,
  isFree: IsFree,
): Promise<readonly [Ports, ...Ports[]]> {
  const first = await portsOfOne(wanted, isFree);
  const others: Ports[] = [];
  const given = new Set([first.http, first.admin]);
  const isLeft: IsFree = async (host, port) => !given.has(port) && (await isFree(host, port));
  for (let last = first; others.length < count - 1; ) {
    const http = last.http === 0 || last.http === LAST_PORT ? 0 : last.http + 1;
    const next = { ...wanted, http, isHttpChosen: http === 0, isAdminChosen: false };
    last = { ...(await portsOfOne(next, isLeft)), taken: undefined };
    given.add(last.http).add(last.admin);
    others.push(last);
  }
  return [first, ...others];
}

async function portsOfOne(wanted: WantedPorts, isFree: IsFree): Promise<Ports> {
  const http = wanted.isHttpChosen ? wanted.http : await nextFree(wanted, isFree);
  return {
    http,
    admin: wanted.isAdminChosen ? wanted.admin : await adminPort(wanted.adminHost, http, isFree),
    taken: http === wanted.http ? undefined : wanted.http,
  };
}

async function nextFree({ httpHost, http }: WantedPorts, isFree: IsFree): Promise<number> {
  for (let port = http; port < http + MAX_TRIES && port <= LAST_PORT; port++)
    if (await isFree(httpHost, port)) return port;
  return http;
}

async function adminPort(host: string, http: number, isFree: IsFree): Promise<number> {
  const port = http + ADMIN_PORT_OFFSET;
  if (http === 0 || port > LAST_PORT) return 0;
  return (await isFree(host, port)) ? port : 0;
}
