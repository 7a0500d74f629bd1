// SPDX-License-Identifier: Apache-2.0
//
// Checks that each page makes the images that it names by its own commands, so that a reader needs no image that only
// we have, and that its links lead somewhere.

import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import test from "ava";

import { PROGRAMS } from "./bundle/programs.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGES = [
  "*.md",
  "docs/*.md",
  "docs/adr/*.md",
  "pkg/*/README.md",
  "samples/*/README.md",
  "hack/*/README.md",
  "test/*/README.md",
  "spec/README.md",
];

/**
 * Image names as our examples use them, and the values of `--image`. Public images such as `node:24-bookworm-slim`
 * need no command that makes them, because everybody can pull them.
 */
const OUR_IMAGE = /\b(?:dev\.local|registry\.example)\/[\w./-]+(?::[\w.-]+)?\b|--image[= ]([\w./:-]+)/g;

/** Brought by `npm run cluster -- up`. */
const WITH_THE_CLUSTER = "dev.local/hello:1";

function namedBy(page: string): ReadonlySet<string> {
  return new Set([...page.matchAll(OUR_IMAGE)].map(([name, flag]) => flag ?? name));
}

/** The names under which the commands of a page make images. */
function madeBy(page: string): ReadonlySet<string> {
  const made = new Set(page.includes("npm run cluster -- up") ? [WITH_THE_CLUSTER] : []);
  for (const [, what = "", name] of page.matchAll(/npm run image -- ([\w~$./-]+)(?: --name ([\w./:-]+))?/g)) {
    if (name !== undefined) made.add(name);
    else for (const program of valuesOf(page, what)) made.add(imageOf(program));
  }
  for (const [, name = ""] of page.matchAll(/docker build -t ([\w./:-]+)/g)) made.add(name);
  return made;
}

/** The words that a shell loop of the page assigns to a variable. A word that is no variable is returned as it is. */
function valuesOf(page: string, word: string): readonly string[] {
  const [, words] = new RegExp(`for ${word.replace("$", "")} in (.*); do`).exec(page) ?? [];
  return word.startsWith("$") ? (words ?? "").split(" ") : [word];
}

/** Of a program, or of the folder of a function. */
function imageOf(what: string): string {
  return PROGRAMS[what]?.image ?? `dev.local/${basename(what)}`;
}

test("every image that a page names is made by the commands of the same page", (t) => {
  let named = 0;
  for (const path of PAGES.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))) {
    const page = readFileSync(join(ROOT, path), "utf8");
    const made = madeBy(page);
    for (const name of namedBy(page)) {
      named++;
      t.true(made.has(name), `${path} names ${name}, and makes ${[...made].join(", ") || "none"}`);
    }
  }
  t.true(named >= 5);
});

test("a page that only names an image is found out", (t) => {
  const page = "kn service create cart --image=dev.local/cart --port h2c:8080";
  t.deepEqual([...namedBy(page)], ["dev.local/cart"]);
  t.false(madeBy(page).has("dev.local/cart"));
  t.true(madeBy(`npm run image -- ~/cart\n${page}`).has("dev.local/cart"));
  t.true(
    madeBy("for p in proxy shopping-cart; do\n npm run image -- $p\ndone").has("dev.local/shopping-cart"),
  );
});

/** A page without its blocks of code and its code in lines, which may look like links. */
function proseOf(page: string): string {
  return page.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "").replaceAll(/`[^`\n]*`/g, "``");
}

/** The anchors of all headings, as repository hosts make them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = page.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  const anchors = [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(anchors);
}

test("every link of a page leads to a file and a heading that are there", (t) => {
  let links = 0;
  for (const path of PAGES.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))) {
    const page = readFileSync(join(ROOT, path), "utf8");
    for (const [, link = ""] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      links++;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) t.fail(`${path}: there is no ${link}`);
      else if (anchor !== undefined)
        t.true(anchorsOf(readFileSync(join(ROOT, target), "utf8")).has(anchor), `${path}: ${link}`);
    }
  }
  t.true(links > 100);
});

test("docs/architecture.md has a row for each layer", (t) => {
  const page = readFileSync(join(ROOT, "docs", "architecture.md"), "utf8");
  const rows = new Set([...page.matchAll(/^\| `([a-z0-9]+)` \|/gm)].map(([, name]) => name));
  for (const path of globSync("pkg/*/mod.ts", { cwd: ROOT })) t.true(rows.has(basename(dirname(path))), path);
});

test("each block of code in docs/adding.md stands in the file that is named before it", (t) => {
  const page = readFileSync(join(ROOT, "docs", "adding.md"), "utf8");
  const blocks = [...page.matchAll(/`(pkg\/[\w/-]+(?:\.test)?\.ts)`:\n\n( *)```ts\n(.*?)^ *```$/gms)];
  t.is(blocks.length, page.split("```ts\n").length - 1);
  for (const [, file = "", indent = "", block = ""] of blocks) {
    const code = block.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    t.true(readFileSync(join(ROOT, file), "utf8").includes(code), file);
  }
});
