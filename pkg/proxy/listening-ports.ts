// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

/** A TCP socket that takes connections. */
export interface ListeningSocket {
  /** IPv4: dotted. IPv6: `::` for every address, otherwise the kernel's 32 hexadecimal digits. */
  readonly address: string;
  readonly port: number;
}

/** Where Linux lists the sockets of a network namespace, which the containers of a pod share (proc_net(5)). */
const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/** State of a socket that takes connections. */
const LISTEN = "0A";

const EVERY_IPV6 = "0".repeat(32);

/** The listening sockets of this network namespace, this proxy's own included; empty if the system lists none. */
export function listeningSockets(): readonly ListeningSocket[] {
  return TABLES.flatMap((path) => parseSocketTable(contentOf(path)));
}

/** The listening sockets in the text of `/proc/net/tcp` or `/proc/net/tcp6`. */
export function parseSocketTable(text: string): readonly ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const [, address = "", port = "", state] of text.matchAll(
    /^ *\d+: ([0-9A-F]{8}(?:[0-9A-F]{24})?):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm,
  )) {
    if (state === LISTEN) sockets.push({ address: shownAddress(address), port: Number.parseInt(port, 16) });
  }
  return sockets;
}

/** The kernel prints an IPv4 address as one number in host byte order; all machines we run on are little-endian. */
function shownAddress(hex: string): string {
  if (hex.length > 8) return hex === EVERY_IPV6 ? "::" : hex.toLowerCase();
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
