// SPDX-License-Identifier: Apache-2.0
//
// Builds the npm package perdure: the command line and the proxy, each in one file with all its packages, as in an
// image, and for each a launcher that any shell runs (docs/adr/0022-the-package-brings-its-node.md).

import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../bundle/bundle.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The source of each command, by the command's name. */
const COMMANDS: Readonly<Record<string, string>> = {
  perdure: "cmd/perdure/cli/bundled.ts",
  "perdure-proxy": "cmd/proxy/bundled.ts",
};

/** Builds the package into the folder, which is emptied first. */
export async function buildPerdure(out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "bin"), { recursive: true });
  for (const [name, entry] of Object.entries(COMMANDS)) {
    await bundle(entry, join(out, "dist", name));
    writeFileSync(join(out, "dist", `${name}.mjs`), start(name));
    const launcher = join(out, "bin", name);
    cpSync(join(import.meta.dirname, "launch.sh"), launcher);
    chmodSync(launcher, 0o755);
  }
  for (const file of globSync("dist/*/*.map", { cwd: out })) rmSync(join(out, file));
  cpSync(join(import.meta.dirname, "README.md"), join(out, "README.md"));
  cpSync(join(ROOT, "LICENSE"), join(out, "LICENSE"));
  writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
}

/** What the launcher runs. Node keeps the compiled code, because compiling is a third of the time to start. */
function start(name: string): string {
  return `// SPDX-License-Identifier: Apache-2.0
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./${name}/main.mjs");
`;
}

function manifest(): object {
  const source = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
  // Node itself is an optional dependency, for the platforms that have such a package: the one that the tests run on.
  const { version, description, license, optionalDependencies } = source;
  return {
    name: "perdure",
    version,
    description,
    license,
    type: "module",
    bin: Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, `bin/${name}`])),
    // Not Windows, because the launchers need /bin/sh and `perdure dev` needs process groups.
    os: ["!win32"],
    engines: { node: ">=20" },
    files: ["bin", "dist"],
    optionalDependencies,
  };
}
