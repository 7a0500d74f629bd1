// SPDX-License-Identifier: Apache-2.0

/**
 * How the value of a setting is written. This one object reads the value, says what is wrong with an invalid text, and
 * describes the valid ones. `read` reads what `write` has written as the same value.
 */
export interface Form<T> {
  /** The valid texts, in Markdown for the tables of the documentation: `1 to 5`. */
  readonly shown: string;
  /** True: an error must not repeat the text. */
  readonly isSecret?: boolean;
  read(text: string): Reading<T>;
  /** The value as text; "" if it stands for nothing. */
  write(value: T): string;
}

/** The value of a text, or why the text is invalid. */
export type Reading<T> = { readonly value: T } | Refusal;

export interface Refusal {
  /** The valid texts as a phrase: "true or false". */
  readonly mustBe: string;
  /** The reason as a clause, if it is not evident. */
  readonly because?: string;
}

const MAX_SHOWN_CHARS = 80;

/**
 * The refusal as a sentence.
 *
 * @param name the setting as its author wrote it: `--log-streams`, `HTTP_PORT`, `perdure.dev/log`.
 */
export function refusalText(
  name: string,
  { isSecret = false }: Pick<Form<unknown>, "isSecret">,
  text: string,
  { mustBe, because }: Refusal,
): string {
  const not = isSecret ? "" : `, not ${shownText(text)}`;
  return `${name} must be ${mustBe}${not}${because === undefined ? "" : `, because ${because}`}`;
}

/** Quoted, without the password of a URL, and shortened. */
function shownText(text: string): string {
  const [from, at] = [text.indexOf("//"), text.lastIndexOf("@")];
  const safe = from >= 0 && at > from ? `${text.slice(0, from)}//…${text.slice(at)}` : text;
  return JSON.stringify(safe.length > MAX_SHOWN_CHARS ? `${safe.slice(0, MAX_SHOWN_CHARS)}…` : safe);
}
