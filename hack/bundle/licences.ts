// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;
const RULE = "=".repeat(80);

/**
 * The licences of the packages that the files come from, each with its text, in the order of their names; ours first.
 *
 * @param files from the root of the repository, with `/`.
 * @throws Error if a package does not say under which licence it is.
 */
export function licences(root: string, files: Iterable<string>): string {
  const folders = new Set([...files].map(packageFolder).filter((folder) => folder !== undefined));
  const own = readFileSync(join(root, "LICENSE"), "utf8");
  const others = [...folders].map((folder) => licence(join(root, folder))).sort();
  return [`Perdure - Apache-2.0\n\n${own.trim()}\n`, ...others].join(`\n${RULE}\n`);
}

/** The folder of the package to which a file belongs; undefined for our own. */
function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function licence(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const { name, version, license } = manifest;
  const names = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  if (license === undefined) throw new Error(`${name} does not say under which licence it is`);
  const texts = names.sort().map((file) => readFileSync(join(folder, file), "utf8").trim());
  const parts = texts.length > 0 ? texts : ["(The package comes without the text.)"];
  return `${[`${name} ${version} - ${license}`, ...parts].join("\n\n")}\n`;
}
