// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const LDD_TIMEOUT_MS = 10_000;

/** What the C library loads by itself when a program looks a host or a user up; `ldd` does not know of it. */
const NAME_SERVICES = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/** The loader and shared libraries of a program, as absolute paths. None for a script, or if linked statically. */
export async function sharedLibraries(program: string): Promise<string[]> {
  let output: string;
  try {
    ({ stdout: output } = await run("ldd", [program], { timeout: LDD_TIMEOUT_MS }));
  } catch (error) {
    const { stderr = "" } = error as { readonly stderr?: string };
    if (stderr.includes("not a dynamic executable")) return [];
    throw new Error(`cannot tell the libraries of ${program}`, { cause: error });
  }
  const { paths, missing } = parseLdd(output);
  if (missing.length > 0) throw new Error(`${program} needs ${missing.join(", ")}, which is not here`);
  const libc = paths.find((path) => /\/libc\.so\.\d+$/.test(path));
  if (libc === undefined) return paths;
  const more = NAME_SERVICES.map((name) => join(dirname(libc), name)).filter((path) => existsSync(path));
  return [...new Set([...paths, ...more])];
}

/** What `ldd` printed. Lines without a path, as that of the kernel's own library, name no file. */
export function parseLdd(output: string): { readonly paths: string[]; readonly missing: string[] } {
  const paths = [...output.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path]) => path as string);
  const missing = [...output.matchAll(/^\s+(\S+) => not found/gm)].map(([, name]) => name as string);
  return { paths, missing };
}
