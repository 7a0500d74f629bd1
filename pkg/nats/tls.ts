// SPDX-License-Identifier: Apache-2.0

import type { NodeConnectionOptions, TlsOptions } from "@nats-io/transport-node";

import type { NatsTls } from "./options.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * The client reads these properties at each attempt to connect, and each property then reads its file. (It would read
 * files by paths while the open socket has no listener for errors, and such an error ends the process.)
 *
 * @throws NatsError `NATS_BAD_FILE` if one of the files cannot be read now.
 */
export function tlsOf({ required, first, caFile, certFile, keyFile }: NatsTls): NodeConnectionOptions {
  const properties: PropertyDescriptorMap = {
    ...(first && { handshakeFirst: { value: true, enumerable: true } }),
    ...fromFile("ca", caFile, "CA certificates"),
    ...fromFile("cert", certFile, "a certificate"),
    ...fromFile("key", keyFile, "the key of a certificate"),
  };
  // With the `tls` property the client refuses a server without TLS; without it the server decides.
  const isWanted = required || Object.keys(properties).length > 0;
  return isWanted ? { tls: Object.defineProperties<TlsOptions>({}, properties) } : {};
}

function fromFile(name: string, path: string | undefined, what: string): PropertyDescriptorMap {
  if (path === undefined) return {};
  const get = (): string => readSecretFile(path, what).toString("utf8");
  get();
  return { [name]: { get, enumerable: true } };
}
