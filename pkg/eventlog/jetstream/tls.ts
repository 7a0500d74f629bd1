// SPDX-License-Identifier: Apache-2.0

import type { NodeConnectionOptions, TlsOptions } from "@nats-io/transport-node";

import type { NatsTls } from "./options.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * How the connection is protected, as NATS's client wants it. It reads these properties at each attempt to connect,
 * and so does each of them its file. (It could be given the paths; but then it reads them while nobody listens to the
 * errors of the open socket, and one ends the process.)
 *
 * @throws EventLogError `LOG_UNUSABLE` if one of the files cannot be read now.
 */
export function tlsOf({ required, first, caFile, certFile, keyFile }: NatsTls): NodeConnectionOptions {
  const properties: PropertyDescriptorMap = {
    ...(first && { handshakeFirst: { value: true, enumerable: true } }),
    ...fromFile("ca", caFile, "CA certificates"),
    ...fromFile("cert", certFile, "a certificate"),
    ...fromFile("key", keyFile, "the key of a certificate"),
  };
  // Without the property the client follows the server; with it, the server has to.
  const isWanted = required || Object.keys(properties).length > 0;
  return isWanted ? { tls: Object.defineProperties<TlsOptions>({}, properties) } : {};
}

function fromFile(name: string, path: string | undefined, what: string): PropertyDescriptorMap {
  if (path === undefined) return {};
  const get = (): string => readSecretFile(path, `the file ${path} with ${what}`).toString("utf8");
  get();
  return { [name]: { get, enumerable: true } };
}
