// SPDX-License-Identifier: Apache-2.0

import { globSync } from "node:fs";
import { join } from "node:path";

import type { Attack } from "./attack.ts";

const FOLDER = join(import.meta.dirname, "attacks");

/** Loads every attack in `attacks/`, in the order of the file names. To add an attack, add a file. */
export async function loadAttacks(): Promise<Attack[]> {
  const files = globSync("*.ts", { cwd: FOLDER, exclude: ["*.test.ts"] }).sort();
  const modules = files.map((file) => import(join(FOLDER, file)) as Promise<{ readonly attack: Attack }>);
  return (await Promise.all(modules)).map(({ attack }) => attack);
}
