// SPDX-License-Identifier: Apache-2.0

import { badAddress } from "../bad-address.ts";
import type { JetStreamAddress, NatsCredentials } from "./options.ts";

/** A parsed address with the scheme `nats` or `tls`. */
export interface NatsAddress extends JetStreamAddress {
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
 * @throws EventLogError `LOG_BAD_ADDRESS`. Its text never has what stands before an `@`, which is a secret.
 */
export function parseNatsAddress(address: string): NatsAddress {
  const once = address.replaceAll(/,(?:nats|tls):\/\//g, ",");
  const parts = /^(nats|tls):\/\/([^/?#]+)(?:\/([^?#]*))?(.*)$/s.exec(once);
  if (parts === null) throw badAddress(address, FORM);
  const [, scheme, authority = "", path = "", rest] = parts;
  if (rest !== "") throw badAddress(address, "nothing may follow the prefix");
  const prefix = path || DEFAULT_PREFIX;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) {
    throw badAddress(address, "a prefix has 1 to 64 letters, digits, _ or -");
  }
  const hostsAt = authority.lastIndexOf("@") + 1;
  const servers = authority.slice(hostsAt).split(",");
  return {
    server: servers.map((server) => hostAndPort(server, address)).join(","),
    prefix,
    isTls: scheme === "tls",
    credentials: hostsAt === 0 ? { kind: "none" } : credentialsOf(authority.slice(0, hostsAt - 1), address),
  };
}

function hostAndPort(server: string, address: string): string {
  const url = URL.canParse(`nats://${server}`) ? new URL(`nats://${server}`) : undefined;
  if (url === undefined || url.hostname === "") throw badAddress(address, FORM);
  return `${url.hostname}:${url.port || DEFAULT_PORT}`;
}

function credentialsOf(text: string, address: string): NatsCredentials {
  const [user = "", password, ...more] = text.split(":");
  if (more.length > 0 || text.includes(",")) {
    throw badAddress(
      address,
      "user and password stand once, before all servers; a : or , in them is %3A or %2C",
    );
  }
  if (user === "") throw badAddress(address, "the user before the @ is missing");
  if (password === undefined) return { kind: "token", token: decoded(user, address) };
  return { kind: "password", user: decoded(user, address), password: decoded(password, address) };
}

function decoded(text: string, address: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badAddress(address, "a % in user or password is written %25");
  }
}
