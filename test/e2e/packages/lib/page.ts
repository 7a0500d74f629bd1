// SPDX-License-Identifier: Apache-2.0

/** One step that a page tells its reader to do. */
export type Step =
  | { readonly kind: "commands"; readonly text: string }
  | { readonly kind: "file"; readonly path: string; readonly text: string };

const BLOCK = /^```(\w+)\n(.*?)^```$/gms;
const FILE_NAME =
  /`((?:[\w-]+\/)*(?:[\w-]+(?:\.[\w-]+)*\.(?:ts|json|yaml|proto)|Dockerfile|\.dockerignore))`/;

/** The part of a page below a heading of the second level, up to the next one. */
export function sectionOf(page: string, heading: string): string {
  const [, rest] = page.split(`\n## ${heading}\n`, 2);
  if (rest === undefined) throw new Error(`there is no section ${heading}`);
  return rest.split(/^## /m, 1)[0] ?? "";
}

/**
 * The steps of a section. An `sh` block is run. Any other block is the content of a file, whose name is the first one
 * in the text between this block and the previous one.
 */
export function stepsOf(section: string): readonly Step[] {
  let end = 0;
  return [...section.matchAll(BLOCK)].map((match): Step => {
    const [whole, language, text = ""] = match;
    const words = section.slice(end, match.index);
    end = match.index + whole.length;
    if (language === "sh") return { kind: "commands", text };
    const path = FILE_NAME.exec(words)?.[1];
    if (path === undefined) throw new Error(`nobody says in which file this stands:\n${text}`);
    return { kind: "file", path, text };
  });
}
