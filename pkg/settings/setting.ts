// SPDX-License-Identifier: Apache-2.0

import type { Form } from "./form.ts";
import type { NumberForm } from "./forms.ts";
import { anyText, oneOf, trueOrFalse, wholeNumber } from "./forms.ts";
import { DAY_MS } from "./units.ts";

/**
 * One setting of a program: a flag, an environment variable and a default, in this order of precedence. From this one
 * declaration come the type of its value, the parsing, the help and `docs/configuration.md`.
 */
export interface Setting<T = unknown> {
  /** Without the leading `--`. */
  readonly flag: string;
  readonly env: string;
  readonly form: Form<T>;
  readonly default: T;
  /** Sentences in Markdown. */
  readonly help: string;
}

/** A number's bounds can be asked for. */
export interface NumberSetting extends Setting<number> {
  readonly form: NumberForm;
}

/** Settings by the name that the code uses. A layer declares its own in its `settings.ts`. */
export type Declaration = Readonly<Record<string, Setting>>;

/**
 * The values of a declaration, for the options of a layer:
 *
 *     export type EntityOptions = Values<typeof ENTITY_SETTINGS>;
 */
export type Values<D extends Declaration> = {
  readonly [K in keyof D]: D[K] extends Setting<infer T> ? T : never;
};

/** Settings that belong together, in help and documentation. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: Declaration;
}

type Range = readonly [min: number, max: number];

/** A setting whose value has a form of its own. */
export function setting<T>(flag: string, env: string, value: T, form: Form<T>, help: string): Setting<T> {
  return { flag, env, form, default: value, help };
}

export function number(
  flag: string,
  env: string,
  value: number,
  unit: string,
  [min, max]: Range,
  help: string,
): NumberSetting {
  return { flag, env, form: wholeNumber(min, max, unit), default: value, help };
}

export function milliseconds(
  flag: string,
  env: string,
  value: number,
  help: string,
  range: Range = [1, DAY_MS],
): NumberSetting {
  return number(flag, env, value, "ms", range, help);
}

/** @param least 0 if the system may choose the port. */
export function port(
  flag: string,
  env: string,
  value: number,
  help: string,
  least: 0 | 1 = 0,
): NumberSetting {
  return number(flag, env, value, "", [least, 65_535], help);
}

export function boolean(flag: string, env: string, value: boolean, help: string): Setting<boolean> {
  return setting(flag, env, value, trueOrFalse, help);
}

export function text(flag: string, env: string, value: string, help: string): Setting<string> {
  return setting(flag, env, value, anyText, help);
}

/** One of a few values. */
export function choice<const T extends string | number>(
  flag: string,
  env: string,
  value: NoInfer<T>,
  values: readonly T[],
  help: string,
): Setting<T> {
  return setting<T>(flag, env, value, oneOf(values), help);
}
