// SPDX-License-Identifier: Apache-2.0

/** `npm run pack`: the npm packages `@perdure/sdk` and `perdure` as archives that npm installs and publishes. */

import { join, resolve } from "node:path";

import { Command } from "commander";

import { packFolder } from "./pack.ts";
import { buildPerdure } from "./perdure.ts";
import { buildSdk } from "./sdk.ts";

const BUILD = join(import.meta.dirname, "..", "..", "build");

const command = new Command("pack")
  .description("Makes the npm packages @perdure/sdk and perdure as archives that npm installs.")
  .option("--out <folder>", "where to (default: build/packages)")
  .parse();
const { out } = command.opts<{ readonly out?: string }>();
const folder = resolve(out ?? join(BUILD, "packages"));

const sdk = join(BUILD, "package", "sdk");
buildSdk(sdk);
console.log(`@perdure/sdk is in ${packFolder(sdk, folder)}`);
const perdure = join(BUILD, "package", "perdure");
await buildPerdure(perdure);
console.log(`perdure is in ${packFolder(perdure, folder)}`);
