// SPDX-License-Identifier: Apache-2.0
//
// Checks the picture of `docs/overview.svg`: it is written by hand, so nothing else finds a colour that cannot be read
// or a word that the pages no longer explain.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

const ROOT = join(import.meta.dirname, "..");
const PICTURE = readFileSync(join(ROOT, "docs", "overview.svg"), "utf8");
const DARK = /@media \(prefers-color-scheme: dark\) \{(.*?)\n {4}\}/s;

/** The least contrast of text for people with moderately low vision: WCAG 2.2, 1.4.3. */
const LEAST_CONTRAST = 4.5;

/** What is drawn behind text, by class. */
const GROUNDS = ["page", "box", "chip", "store"];
const TEXTS = ["name", "label", "note"];

/** The fill of each class in a piece of the style sheet. */
function fills(style: string): ReadonlyMap<string, string> {
  const rules = style.matchAll(/\.([a-z]+) \{[^}]*\bfill: (#[0-9a-f]{6})/g);
  return new Map([...rules].map(([, name = "", colour = ""]) => [name, colour]));
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

for (const theme of ["light", "dark"] as const) {
  test(`the text of the picture can be read in a ${theme} theme`, (t) => {
    const dark = DARK.exec(PICTURE)?.[1] ?? "";
    const colours = fills(theme === "dark" ? dark : PICTURE.replace(DARK, ""));
    for (const ground of GROUNDS) {
      for (const text of TEXTS) {
        const ratio = contrast(colours.get(ground) ?? "#000000", colours.get(text) ?? "#000000");
        t.true(ratio >= LEAST_CONTRAST, `.${text} on .${ground}: ${ratio.toFixed(1)}`);
      }
    }
  });
}

test("the picture brings its own background, and takes nothing from elsewhere", (t) => {
  const [, width, height] = /<svg [^>]*width="(\d+)" height="(\d+)"/.exec(PICTURE) ?? [];
  t.true(PICTURE.includes(`<rect class="page" width="${width}" height="${height}"`));
  t.deepEqual(PICTURE.match(/\b(?:href|src)=|url\((?!#)|@import|<script/g), null);
});

test("what the picture names, docs/concepts.md explains; both pages show the picture with a description", (t) => {
  const concepts = readFileSync(join(ROOT, "docs", "concepts.md"), "utf8");
  const terms = [...PICTURE.matchAll(/<text class="name"[^>]*>([^<]+)</g)].map(([, term = ""]) => term);
  t.deepEqual(terms, ["caller", "proxy", "function", "event log"]);
  for (const term of terms) t.regex(concepts, new RegExp(`\\*\\*${term}`, "i"), term);
  t.regex(concepts, /!\[[^\]]{40,}\]\(overview\.svg\)/);
  t.regex(readFileSync(join(ROOT, "README.md"), "utf8"), /!\[[^\]]{40,}\]\(docs\/overview\.svg\)/);
});
