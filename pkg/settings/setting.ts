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

/** Settings by the name that the code uses. A layer declares its own in its `settings.ts`, with `named`. */
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

/** Flag and variable, if they are not those that follow from the name in the code. */
type Names = Pick<Setting, "flag" | "env">;

/** A setting whose names may still be missing. */
type Unnamed<S extends Setting = Setting> = Omit<S, keyof Names> & Partial<Names>;

/** What its author says about a setting in words. */
type Words = Pick<Setting, "help"> & Partial<Names>;

type Range = readonly [min: number, max: number];

/**
 * Names settings as the code does: `maxPacks` gets the flag `--max-packs` and the variable `PERDURE_MAX_PACKS`, a
 * time `packTimeoutMs` gets `--pack-timeout` and `PERDURE_PACK_TIMEOUT_MS`. A name that a setting has already stays.
 */
export function named<D extends Readonly<Record<string, Unnamed>>>(
  settings: D,
): { readonly [K in keyof D]: D[K] & Names } {
  const entries = Object.entries(settings).map(([name, setting]) => {
    const env = `PERDURE_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
    return [name, { flag: kebabName(name), env, ...setting }];
  });
  return Object.fromEntries(entries) as { readonly [K in keyof D]: D[K] & Names };
}

/** A setting's name in the code as flags and annotations write it: of `packTimeoutMs`, `pack-timeout`. */
export function kebabName(name: string): string {
  return name.replace(/Ms$/, "").replace(/[A-Z]/g, "-$&").toLowerCase();
}

/** A setting whose value has a form of its own. */
export function setting<T>(value: T, form: Form<T>, words: Words): Unnamed<Setting<T>> {
  return { form, default: value, ...words };
}

export function number(value: number, unit: string, [min, max]: Range, words: Words): Unnamed<NumberSetting> {
  return { form: wholeNumber(min, max, unit), default: value, ...words };
}

export function milliseconds(
  value: number,
  { range = [1, DAY_MS], ...words }: Words & { readonly range?: Range },
): Unnamed<NumberSetting> {
  return number(value, "ms", range, words);
}

/** @param words `least`: 0 (the default) if the system may choose the port. */
export function port(
  value: number,
  { least = 0, ...words }: Words & { readonly least?: 0 | 1 },
): Unnamed<NumberSetting> {
  return number(value, "", [least, 65_535], words);
}

export function boolean(value: boolean, words: Words): Unnamed<Setting<boolean>> {
  return setting(value, trueOrFalse, words);
}

export function text(value: string, words: Words): Unnamed<Setting<string>> {
  return setting(value, anyText, words);
}

/** One of a few values. */
export function choice<const T extends string | number>(
  value: NoInfer<T>,
  values: readonly T[],
  words: Words,
): Unnamed<Setting<T>> {
  return setting<T>(value, oneOf(values), words);
}
