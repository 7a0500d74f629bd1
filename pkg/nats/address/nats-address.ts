// SPDX-License-Identifier: Apache-2.0

import { NatsError } from "../nats-error.ts";
import type { NatsCredentials } from "../options.ts";

/** A parsed address with the scheme `nats` or `tls`. */
export interface NatsAddress {
  /** `host:port` of a server, or of several, separated by commas. */
  readonly server: string;
  /** Begins the names of everything that is kept there, so that several users fit into one account. */
  readonly prefix: string;
  readonly isTls: boolean;
  readonly credentials: NatsCredentials;
}

const DEFAULT_PREFIX = "perdure";
const DEFAULT_PORT = 4222;
const FORM = "it is nats://HOST:PORT or nats://HOST:PORT,HOST:PORT/PREFIX";

/**
 * Reads `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]…][/PREFIX]`, or the same with `tls`. The scheme may
 * be repeated before each server, as other clients of NATS allow.
 *
 * @throws NatsError `NATS_BAD_ADDRESS`, whose text shows nothing of the address, because that may have a secret.
 */
export function parseNatsAddress(address: string): NatsAddress {
  const once = address.replaceAll(/,(?:nats|tls):\/\//g, ",");
  const parts = /^(nats|tls):\/\/([^/?#]+)(?:\/([^?#]*))?(.*)$/s.exec(once);
  if (parts === null) throw badAddress(FORM);
  const [, scheme, authority = "", path = "", rest] = parts;
  if (rest !== "") throw badAddress("nothing may follow the prefix");
  const prefix = path || DEFAULT_PREFIX;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) {
    throw badAddress("a prefix has 1 to 64 letters, digits, _ or -");
  }
  const hostsAt = authority.lastIndexOf("@") + 1;
  const servers = authority.slice(hostsAt).split(",");
  return {
    server: servers.map(hostAndPort).join(","),
    prefix,
    isTls: scheme === "tls",
    credentials: hostsAt === 0 ? { kind: "none" } : credentialsOf(authority.slice(0, hostsAt - 1)),
  };
}

function hostAndPort(server: string): string {
  const url = URL.canParse(`nats://${server}`) ? new URL(`nats://${server}`) : undefined;
  if (url === undefined || url.hostname === "") throw badAddress(FORM);
  return `${url.hostname}:${url.port || DEFAULT_PORT}`;
}

function credentialsOf(text: string): NatsCredentials {
  const [user = "", password, ...more] = text.split(":");
  if (more.length > 0 || text.includes(",")) {
    throw badAddress("user and password stand once, before all servers; a : or , in them is %3A or %2C");
  }
  if (user === "") throw badAddress("the user before the @ is missing");
  if (password === undefined) return { kind: "token", token: decoded(user) };
  return { kind: "password", user: decoded(user), password: decoded(password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badAddress("a % in user or password is written %25");
  }
}

function badAddress(reason: string): NatsError {
  return new NatsError("NATS_BAD_ADDRESS", reason);
}
