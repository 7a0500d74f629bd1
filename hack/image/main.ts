// SPDX-License-Identifier: Apache-2.0

/** `npm run image -- PROGRAM` or `FOLDER`: the image of a program, or of a user function, as a file, without Docker. */

import { cpSync, mkdirSync, mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import { Command } from "commander";

import { PROGRAMS, programOf } from "../bundle/programs.ts";
import { writeImage } from "./archive.ts";
import { functionIn } from "./function-folder.ts";
import type { ImageFile } from "./layer.ts";
import { ENTRYPOINT, ENVIRONMENT, libraryLicences, programFiles } from "./program-image.ts";

const ROOT = join(import.meta.dirname, "..", "..");

interface Flags {
  readonly out?: string;
  readonly name?: string;
  readonly root?: string;
  readonly entry?: string;
  readonly trial: boolean;
}

const NOTES = `
Programs: ${Object.keys(PROGRAMS).join(", ")}. Anything else is the folder of a user function, whose packages are
installed and whose code is generated.

The image is made of what starts the program and all that this imports, in one file. What a program reads otherwise, and
packages with parts that are not JavaScript, need a Dockerfile: docs/image.md has one.
`;

const command = new Command("image")
  .description("Makes the image of a program: an OCI image layout that docker, podman, ctr and kind load.")
  .argument("<program>", "of which program, or of the user function in which folder")
  .option("--out <file>", "where to (default: build/image/<program>.tar)")
  .option("--name <name>", "the image's name (default: one below dev.local)")
  .option("--entry <file>", "of a folder: the file that starts the function (default: main.ts or main.js)")
  .option("--no-trial", "do not run it once, which shows that it starts and makes later starts faster")
  .option("--root <folder>", "only the files, below this folder; the Dockerfile uses it")
  .addHelpText("after", NOTES)
  .parse();
const [what = ""] = command.args;
try {
  await main(what, command.opts<Flags>());
} catch (error) {
  // esbuild has already printed its own errors. The message of any other error says what is wrong.
  console.error(`image: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function main(program: string, { out, name, root, entry, trial }: Flags): Promise<void> {
  const isOurs = Object.hasOwn(PROGRAMS, program);
  const wanted = isOurs ? programOf(program) : functionIn(program, entry);
  using work = mkdtempDisposableSync(join(tmpdir(), "perdure-image-"));
  const files = await programFiles(wanted, work.path, trial);
  if (root !== undefined) return copy(files, root);
  const image = name ?? wanted.image;
  const archive = `${isOurs ? program : basename(wanted.image)}.tar`;
  const file = resolve(out ?? join(ROOT, "build", "image", archive));
  mkdirSync(dirname(file), { recursive: true });
  await writeImage({
    name: image,
    files: [...files, ...libraryLicences()],
    libraries: true,
    entrypoint: ENTRYPOINT,
    env: ENVIRONMENT,
    out: file,
  });
  console.log(`${image} is in ${file}`);
}

function copy(files: readonly ImageFile[], root: string): void {
  for (const { from, to } of files) cpSync(from, join(root, to), { recursive: true });
}
