// SPDX-License-Identifier: Apache-2.0

/** One step of a page that a reader follows at two terminals. */
export type Step =
  /** A command to type, and what it prints; undefined: the page does not say. */
  | { readonly kind: "command"; readonly text: string; readonly output: string | undefined }
  /** What the last command has printed, as JSON in any layout. */
  | { readonly kind: "printed JSON"; readonly text: string }
  /** What the program in the first terminal has printed since the last step that showed its output. */
  | { readonly kind: "first terminal"; readonly text: string }
  /** Ctrl-C in the first terminal. */
  | { readonly kind: "interrupt" }
  /** Lines of a file, to be replaced by others. */
  | { readonly kind: "change"; readonly path: string; readonly lines: readonly LineChange[] };

interface LineChange {
  readonly before: string;
  readonly after: string;
}

const BLOCK_OR_KEY = /^```(\w+)\n(.*?)^```$|\bCtrl-C\b/gms;

/**
 * The steps of a page, in order, by the language of its blocks: `sh` is commands without output, `console` commands
 * after `$ ` with their output, `json` what the last command printed, `text` what the first terminal shows, `diff`
 * changes of a file. Other blocks are no steps. "Ctrl-C" in the text is one.
 */
export function stepsOf(page: string): readonly Step[] {
  return [...page.matchAll(BLOCK_OR_KEY)].flatMap(([, language, text = ""]): readonly Step[] => {
    switch (language) {
      case undefined:
        return [{ kind: "interrupt" }];
      case "sh":
        return [{ kind: "command", text, output: undefined }];
      case "console":
        return commands(text);
      case "json":
        return [{ kind: "printed JSON", text }];
      case "text":
        return [{ kind: "first terminal", text }];
      case "diff":
        return [change(text)];
      default:
        return [];
    }
  });
}

function commands(block: string): readonly Step[] {
  const [before = "", ...parts] = block.split(/^\$ /m);
  if (before !== "" || parts.length === 0) throw new Error(`a transcript begins with "$ ":\n${block}`);
  return parts.map((part) => {
    const [text = "", ...output] = part.trimEnd().split("\n");
    return { kind: "command", text, output: output.length === 0 ? undefined : output.join("\n") };
  });
}

/** Each line that begins with `-` is replaced by the one after it, which begins with `+`. */
function change(block: string): Step {
  const path = /^--- (\S+)$/m.exec(block)?.[1];
  const lines = [...block.matchAll(/^-(?!--)(.*)\n\+(.*)$/gm)];
  if (path === undefined || lines.length === 0) throw new Error(`no file, or no change:\n${block}`);
  return { kind: "change", path, lines: lines.map(([, before = "", after = ""]) => ({ before, after })) };
}

/** A pattern for output as a page shows it: `…` stands for any text, and a time such as `4 ms` for any other one. */
export function patternOf(shown: string): RegExp {
  const escaped = shown.trim().replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const source = escaped
    .replaceAll("…", String.raw`[\s\S]*?`)
    .replaceAll(/\b\d+ ms\b/g, String.raw`[\d.]+ m?s`);
  return new RegExp(`^${source}$`);
}
