// SPDX-License-Identifier: Apache-2.0

/** Credentials for the API server: certificates, keys, and the one token of all clients that are not pods. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeCertificates } from "../../pkg/k8s/mod.ts";

import { API_SERVICE_ADDRESS, API_URL, NODE_ADDRESS } from "./addresses.ts";
import type { ClusterPaths } from "./paths.ts";

export interface Credentials {
  readonly authority: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** Signs the tokens of service accounts. */
  readonly accountKey: string;
  /** Verifies these tokens. */
  readonly accountPublicKey: string;
  /** CSV: token, user, id, groups. */
  readonly tokens: string;
}

const TEN_YEARS_MS = 3_650 * 86_400_000;
const NAMES = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "localhost",
  "127.0.0.1",
  NODE_ADDRESS,
  API_SERVICE_ADDRESS,
];

/** Makes the credentials and the kubeconfig, unless they exist. */
export async function makeCredentials(paths: ClusterPaths): Promise<Credentials> {
  const folder = join(paths.run, "pki");
  const files = {
    authority: join(folder, "ca.crt"),
    serverCertificate: join(folder, "apiserver.crt"),
    serverKey: join(folder, "apiserver.key"),
    accountKey: join(folder, "accounts.key"),
    accountPublicKey: join(folder, "accounts.pub"),
    tokens: join(folder, "tokens.csv"),
  };
  // The kubeconfig is written last, so that the next run after an interrupted one starts over.
  if (existsSync(paths.kubeconfig)) return files;

  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { ca, cert, key } = await makeCertificates(NAMES, Date.now(), TEN_YEARS_MS);
  const accounts = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const token = randomBytes(16).toString("hex");
  for (const [file, text] of [
    [files.authority, ca.join("\n")],
    [files.serverCertificate, cert],
    [files.serverKey, key],
    [files.accountKey, accounts.privateKey.export({ type: "sec1", format: "pem" })],
    [files.accountPublicKey, accounts.publicKey.export({ type: "spki", format: "pem" })],
    [files.tokens, `${token},admin,admin,system:masters\n`],
    [paths.kubeconfig, kubeconfigText(files.authority, token)],
  ] as const) {
    writeFileSync(file, text, { mode: 0o600 });
  }
  return files;
}

function kubeconfigText(authority: string, token: string): string {
  const name = "perdure";
  // JSON is YAML.
  return JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name, cluster: { server: API_URL, "certificate-authority": authority } }],
      users: [{ name, user: { token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      "current-context": name,
    },
    undefined,
    2,
  );
}
