// SPDX-License-Identifier: Apache-2.0

/** `npm run bundle -- proxy`: a program and all its packages as one file under `build/bundle`. */

import { join, resolve } from "node:path";

import { Argument, Command } from "commander";

import { bundle } from "./bundle.ts";
import { PROGRAMS, programOf } from "./programs.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const command = new Command("bundle")
  .description("Bundles a program with everything that it imports, for an image.")
  .addArgument(new Argument("<program>", "what to bundle").choices(Object.keys(PROGRAMS)))
  .option("--out <folder>", "where to (default: build/bundle/<program>)")
  .parse();
const [program = ""] = command.args;
const { out } = command.opts<{ readonly out?: string }>();
const folder = resolve(out ?? join(ROOT, "build", "bundle", program));
await bundle(programOf(program).entry, folder);
console.log(`${program} is in ${folder}`);
