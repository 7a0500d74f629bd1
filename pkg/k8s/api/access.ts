// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { K8sError } from "./k8s-error.ts";

/** The address of the API server, and the credentials for it. */
export interface ApiAccess {
  readonly host: string;
  readonly port: number;
  /** Certificates (PEM) of the authorities that sign the API server's certificate. */
  readonly ca: string;
  /** The current token. Kubernetes replaces it about every hour. */
  token(): Promise<string>;
}

/**
 * The access that every pod has with its service account.
 *
 * @param folder where Kubernetes mounts the token and `ca.crt` of that account.
 * @throws K8sError `NOT_IN_CLUSTER`
 */
export async function inClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<ApiAccess> {
  const [host = "", port = ""] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  if (host === "" || !/^\d{1,5}$/.test(port)) {
    throw notInCluster(
      "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as in a pod they are",
    );
  }
  const read = async (name: string): Promise<string> => {
    const path = join(folder, name);
    return readFile(path, "utf8").catch((cause: unknown) => {
      throw notInCluster(`${path} cannot be read: the pod needs the token of a service account`, cause);
    });
  };
  const ca = await read("ca.crt");
  const token = async (): Promise<string> => (await read("token")).trim();
  await token();
  return { host, port: Number(port), ca, token };
}

function notInCluster(message: string, cause?: unknown): K8sError {
  return new K8sError("NOT_IN_CLUSTER", message, { cause });
}
