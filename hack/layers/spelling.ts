// SPDX-License-Identifier: Apache-2.0

/** A line that spells something otherwise than the rest of the project. */
export interface Misspelling {
  readonly line: number;
  readonly text: string;
}

const SPELLINGS: readonly { readonly wrong: RegExp; readonly text: string }[] = [
  {
    wrong: /^\s*(?:export )?(?:interface|type) \w*Deps\b/,
    text: "what a part is given is named …Dependencies, not …Deps",
  },
  {
    // At the beginning of a sentence in a docstring.
    wrong: /^\s*(?:\/\*\*|\*) (?:.*[.:;] )?(?:Raises|Throws|@throw|@raises|@exception)\b/,
    text: "a docstring names its errors with @throws",
  },
];

/** Finds lines that do not use the project's one spelling for dependencies and for the errors in docstrings. */
export function findMisspellings(lines: readonly string[]): Misspelling[] {
  return lines.flatMap((line, index) =>
    SPELLINGS.filter(({ wrong }) => wrong.test(line)).map(({ text }) => ({ line: index + 1, text })),
  );
}
