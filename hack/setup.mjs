// SPDX-License-Identifier: Apache-2.0
// Brings a fresh clone to the state in which every other script runs: installs the exact packages of the lock
// file when it is newer than what is installed. Plain JavaScript, because it is the one file that the user's own
// Node (>= 20) runs; the scripts after it are run by the Node 24 that comes as a package.
import { execSync, spawnSync } from "node:child_process";
import { existsSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MINIMUM_MAJOR = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockFile = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".package-lock.json");

const stale = !existsSync(installed) || statSync(lockFile).mtimeMs > statSync(installed).mtimeMs;
if (stale) {
  process.stderr.write("perdure: installing packages (once)\n");
  // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, and a registry need not
  // carry them all. `--no-save` holds to the versions and hashes of the lock file, and leaves it as it is.
  // One command line, so that the shell finds npm under its name on every platform.
  const npm = spawnSync("npm install --no-save --loglevel=error --no-progress", {
    cwd: root,
    shell: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (npm.status !== 0) {
    process.stderr.write(
      "perdure: `npm install` failed; the lines above say why. Nothing else was changed.\n",
    );
    process.exit(npm.status ?? 1);
  }
  // npm leaves the file alone when there was nothing to do.
  const now = new Date();
  utimesSync(installed, now, now);
}

const packaged = join(root, "node_modules", ".bin", "node");
const node = existsSync(packaged) ? `"${packaged}"` : "node";
const version = execSync(`${node} --version`, { encoding: "utf8" }).trim();
if (Number(version.slice(1).split(".")[0]) < MINIMUM_MAJOR) {
  process.stderr.write(
    `perdure: needs Node ${MINIMUM_MAJOR} or newer, found ${version}, and has no packaged Node for this platform ` +
      `(${process.platform}-${process.arch}). Install Node ${MINIMUM_MAJOR} and try again.\n`,
  );
  process.exit(1);
}
