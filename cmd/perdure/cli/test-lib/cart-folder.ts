// SPDX-License-Identifier: Apache-2.0

import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../../../..");

/** A folder to call `perdure` in, with a copy of the shopping cart in `cart`, for tests. */
export class CartFolder {
  readonly folder = mkdtempSync(join(tmpdir(), "perdure-dev-"));
  readonly cart: string;

  /** @param name of the copy. */
  constructor(name = "cart") {
    this.cart = join(this.folder, name);
    this.copyCart(name);
    symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Another copy, which is a function of its own. */
  copyCart(name: string): void {
    const from = join(ROOT, "samples/shopping-cart");
    const left = /\/(?:node_modules|\.perdure)$/;
    cpSync(from, join(this.folder, name), { recursive: true, filter: (path) => !left.test(path) });
    if (name === "cart") return;
    const manifest = join(this.folder, name, "package.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"shopping-cart"', JSON.stringify(name)));
  }

  read(file: string): string {
    return readFileSync(join(this.cart, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.cart, file), text);
  }

  /** Saves as most editors do: writes another file and renames it over the first. */
  replace(file: string, text: string): void {
    const path = join(this.cart, file);
    writeFileSync(`${path}~`, text);
    renameSync(`${path}~`, path);
  }

  /** Adds the files for buf that the SDK's README describes, with the imports of this repository. */
  addBuf(): void {
    cpSync(join(ROOT, "protocol"), join(this.cart, ".imports"), { recursive: true });
    this.write("buf.yaml", "version: v2\nmodules:\n  - path: proto\n  - path: .imports\n");
    const plugin = "  - local: protoc-gen-es\n    out: gen\n    include_imports: true\n";
    const options = ["target=ts", "import_extension=ts", "erasable_syntax=true"];
    const opt = `    opt: [${options.join(", ")}]\n`;
    this.write("buf.gen.yaml", `version: v2\nclean: true\nplugins:\n${plugin}${opt}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
