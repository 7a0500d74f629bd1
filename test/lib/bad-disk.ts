// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { existingBinary } from "./nats/server.ts";
import type { TestScope } from "./processes.ts";
import { temporaryFolder } from "./processes.ts";

/** The largest file, in the shell's blocks of 512 or 1,024 bytes. */
const FULL_BLOCKS = 256;

/**
 * A nats-server that cannot write beyond 256 KiB of a file, as on a full disk, until `makeRoom` is called and it is
 * restarted.
 */
export async function natsOnFullDisk(t: TestScope): Promise<{ readonly binary: string; makeRoom(): void }> {
  const nats = await existingBinary();
  const binary = join(temporaryFolder(t), "nats-server");
  const write = (first: string): void => {
    writeFileSync(binary, `#!/bin/sh\n${first}\nexec ${nats} "$@"\n`, { mode: 0o755 });
  };
  write(`ulimit -f ${FULL_BLOCKS}`);
  return { binary, makeRoom: () => write("") };
}

/** A nats-server that respects file permissions even if root starts it; undefined if that is not possible. */
export async function natsWithoutPrivileges(t: TestScope): Promise<string | undefined> {
  const nats = await existingBinary();
  if (process.getuid?.() !== 0) return nats;
  const drop = ["--bounding-set=-all", "--inh-caps=-all"];
  try {
    execFileSync("setpriv", [...drop, "true"], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  const binary = join(temporaryFolder(t), "nats-server");
  writeFileSync(binary, `#!/bin/sh\nexec setpriv ${drop.join(" ")} ${nats} "$@"\n`, { mode: 0o755 });
  return binary;
}

/** Removes the permission to write to a folder and its content, until the test ends or `giveBack` is called. */
export function makeReadOnly(t: TestScope, folder: string): { readonly giveBack: () => void } {
  const change = (mode: string): void => {
    execFileSync("chmod", ["-R", mode, folder]);
  };
  const giveBack = (): void => {
    if (existsSync(folder)) change("u+w");
  };
  t.teardown(giveBack);
  chmodSync(folder, 0o755);
  change("a-w");
  return { giveBack };
}
