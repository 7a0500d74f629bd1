// SPDX-License-Identifier: Apache-2.0

/** `npm run image -- proxy`: the image of a program as a file under `build/image`, without Docker. */

import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { Argument, Command } from "commander";

import { PROGRAMS, programOf } from "../bundle/programs.ts";
import { writeImage } from "./archive.ts";
import type { ImageFile } from "./layer.ts";
import { ENTRYPOINT, ENVIRONMENT, libraryLicences, programFiles } from "./program-image.ts";

const ROOT = join(import.meta.dirname, "..", "..");

interface Flags {
  readonly out?: string;
  readonly name?: string;
  readonly root?: string;
}

const command = new Command("image")
  .description("Makes the image of a program: an OCI image layout that docker, podman, ctr and kind load.")
  .addArgument(new Argument("<program>", "of which program").choices(Object.keys(PROGRAMS)))
  .option("--out <file>", "where to (default: build/image/<program>.tar)")
  .option("--name <name>", "the image's name (default: one below dev.local)")
  .option("--root <folder>", "only the files, below this folder; the Dockerfile uses it")
  .parse();
const [name = ""] = command.args;
await main(name, command.opts<Flags>());

async function main(program: string, { out, name, root }: Flags): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "perdure-image-"));
  try {
    const wanted = programOf(program);
    const image = name ?? wanted.image;
    const files = await programFiles(wanted, work);
    if (root !== undefined) return copy(files, resolve(root));
    const file = out === undefined ? join(ROOT, "build", "image", `${program}.tar`) : resolve(out);
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
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function copy(files: readonly ImageFile[], root: string): void {
  for (const { from, to } of files) cpSync(from, join(root, to), { recursive: true });
}
