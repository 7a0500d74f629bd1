// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { toError } from "../base/mod.ts";
import { SettingError } from "../settings/mod.ts";

/** Settings whose value is the path of a file, each with the name of its file in the folder. */
const FILES = {
  natsCreds: "nats.creds",
  natsNkey: "nats.nk",
  natsCa: "ca.crt",
  natsCert: "tls.crt",
  natsKey: "tls.key",
} as const;

/** Settings whose value is the content of a file, each with the name of its file in the folder. */
const TEXTS = { natsUser: "user", natsPassword: "password", natsToken: "token" } as const;

type SecretSettings = Readonly<Record<keyof typeof FILES | keyof typeof TEXTS | "natsSecretDir", string>>;

/**
 * Fills empty settings from the files in the folder of `NATS_SECRET_DIR`. A missing file or folder is no error,
 * because in Kubernetes the Secret may be absent, and it has the files of one kind of credentials only.
 *
 * @throws SettingError if a file is there and cannot be read.
 */
export function withSecretFolder<T extends SecretSettings>(settings: T): T {
  const folder = settings.natsSecretDir;
  if (folder === "") return settings;
  const found: Record<string, string> = {};
  for (const [name, file] of Object.entries(FILES)) {
    const path = join(folder, file);
    if (settings[name as keyof typeof FILES] === "" && existsSync(path)) found[name] = path;
  }
  for (const [name, file] of Object.entries(TEXTS)) {
    const path = join(folder, file);
    if (settings[name as keyof typeof TEXTS] === "" && existsSync(path)) found[name] = read(path);
  }
  return { ...settings, ...found };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const reason = `${path} cannot be read (${toError(error).message})`;
    throw new SettingError(`NATS_SECRET_DIR must be a folder whose files can be read: ${reason}`);
  }
}
