// SPDX-License-Identifier: Apache-2.0

import type { WriteStream } from "node:tty";
import { styleText } from "node:util";

/** How words are marked: with colours on a terminal that wants them, not at all elsewhere. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly verb: (text: string) => string;
}

const asItIs = (text: string): string => text;

export const PLAIN: Style = {
  bold: asItIs,
  dim: asItIs,
  good: asItIs,
  warning: asItIs,
  bad: asItIs,
  verb: asItIs,
};

const mark =
  (format: Parameters<typeof styleText>[0]) =>
  (text: string): string =>
    styleText(format, text, { validateStream: false });

export const COLOURED: Style = {
  bold: mark("bold"),
  dim: mark("dim"),
  good: mark(["bold", "green"]),
  warning: mark("yellow"),
  bad: mark("red"),
  verb: mark("cyan"),
};

/** What a stream can show. */
export interface Abilities {
  readonly colours: boolean;
  /** A line can be written over, as a spinner needs. */
  readonly overwrites: boolean;
}

/** Honours `NO_COLOR` (no-color.org), `TERM=dumb` and what Node knows of terminals. */
export function abilitiesOf(
  stream: Pick<WriteStream, "isTTY" | "hasColors">,
  env: Readonly<NodeJS.ProcessEnv>,
  plain: boolean,
): Abilities {
  // Node does not set `isTTY` and `hasColors` on a stream that is no terminal.
  if (plain || !stream.isTTY || env["TERM"] === "dumb") return { colours: false, overwrites: false };
  return { colours: !env["NO_COLOR"] && stream.hasColors(env), overwrites: true };
}
