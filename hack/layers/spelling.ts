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

/** The beginning of a call of a logger whose message is put together. */
const LOG_TEMPLATE = /\blogger(?:\.\w+|\[[^\]]+\])\(\s*(?:`[^`]*\$\{|"[^"]*"\s*\+)/g;

const DEPENDENCIES = /^(?:export )?interface \w*Dependencies\b/;
const LOGGER = /^ {2}(?:readonly )?logger\??:/;

/** Finds lines that do not use the project's one spelling for dependencies and for the errors in docstrings. */
export function findMisspellings(lines: readonly string[]): Misspelling[] {
  return lines.flatMap((line, index) =>
    SPELLINGS.filter(({ wrong }) => wrong.test(line)).map(({ text }) => ({ line: index + 1, text })),
  );
}

/** Finds interfaces named `…Dependencies` with a member `logger`, through which no tracer and no meter would reach. */
export function findLoggers(lines: readonly string[]): Misspelling[] {
  let isInside = false;
  return lines.flatMap((line, index) => {
    if (DEPENDENCIES.test(line)) isInside = true;
    else if (line.startsWith("}")) isInside = false;
    const text = "…Dependencies have `telemetry: Telemetry` instead of a logger";
    return isInside && LOGGER.test(line) ? [{ line: index + 1, text }] : [];
  });
}

/** Finds log lines whose message varies, so that lines of one kind cannot be counted or searched for. */
export function findLogTemplates(source: string): Misspelling[] {
  const text = "the message of a log line is a constant; what varies is a field";
  return [...source.matchAll(LOG_TEMPLATE)].map(({ index }) => ({
    line: source.slice(0, index).split("\n").length,
    text,
  }));
}
