// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
}

/** npm's value for a package that nobody else has a licence for. */
const NO_LICENCE = "UNLICENSED";

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;
const RULE = "=".repeat(80);

/**
 * The licences of the packages that the files come from, each with its text, sorted by the packages' names. The
 * licence of the project itself comes first.
 *
 * @param files paths from the root of the project, with `/`.
 * @throws Error if a package does not say under which licence it is.
 */
export function licences(root: string, files: Iterable<string>): string {
  const folders = new Set([...files].map(packageFolder).filter((folder) => folder !== undefined));
  const others = [...folders].map((folder) => packageLicence(join(root, folder))).sort();
  return [licence(root, readManifest(root)), ...others].join(`\n${RULE}\n`);
}

/** The folder of the package to which a file belongs; undefined for those of the project. */
function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function packageLicence(folder: string): string {
  const manifest = readManifest(folder);
  if (manifest.license === undefined) {
    throw new Error(`${manifest.name ?? folder} does not say under which licence it is`);
  }
  return licence(folder, manifest);
}

function licence(folder: string, { name = basename(folder), version, license }: Manifest): string {
  const names = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  const texts = names.sort().map((file) => readFileSync(join(folder, file), "utf8").trim());
  const parts = texts.length > 0 ? texts : ["(It comes without a text.)"];
  const title = version === undefined ? name : `${name} ${version}`;
  return `${[`${title} - ${license ?? NO_LICENCE}`, ...parts].join("\n\n")}\n`;
}

/** The `package.json` in a folder; empty if there is none. */
export function readManifest(folder: string): Manifest {
  const path = join(folder, "package.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Manifest) : {};
}
