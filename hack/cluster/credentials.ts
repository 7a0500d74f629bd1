// SPDX-License-Identifier: Apache-2.0

/** Credentials for the API server: certificates, keys, and the one token of all clients that are not pods. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { API_SERVICE_ADDRESS, API_URL, NODE_ADDRESS } from "./addresses.ts";
import { runCommand } from "./command.ts";
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

const DAYS = "3650";
const NAMES = [
  "DNS:kubernetes",
  "DNS:kubernetes.default",
  "DNS:kubernetes.default.svc",
  "DNS:kubernetes.default.svc.cluster.local",
  "DNS:localhost",
  "IP:127.0.0.1",
  `IP:${NODE_ADDRESS}`,
  `IP:${API_SERVICE_ADDRESS}`,
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
  const authorityKey = join(folder, "ca.key");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS];
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-subj",
    "/CN=perdure-cluster",
    "-keyout",
    authorityKey,
    "-out",
    files.authority,
  );
  const extensions = ["-addext", `subjectAltName=${NAMES.join(",")}`, "-addext", "basicConstraints=CA:FALSE"];
  const signer = ["-CA", files.authority, "-CAkey", authorityKey];
  const server = ["-keyout", files.serverKey, "-out", files.serverCertificate];
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-subj",
    "/CN=kube-apiserver",
    ...extensions,
    ...signer,
    ...server,
  );

  const accounts = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(files.accountKey, accounts.privateKey.export({ type: "sec1", format: "pem" }), {
    mode: 0o600,
  });
  writeFileSync(files.accountPublicKey, accounts.publicKey.export({ type: "spki", format: "pem" }));
  const token = randomBytes(16).toString("hex");
  writeFileSync(files.tokens, `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  writeFileSync(paths.kubeconfig, kubeconfigText(files.authority, token), { mode: 0o600 });
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

async function openssl(...args: string[]): Promise<void> {
  await runCommand(["openssl", ...args]);
}
