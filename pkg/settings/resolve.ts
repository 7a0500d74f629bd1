// SPDX-License-Identifier: Apache-2.0

import { refusalText } from "./form.ts";
import type { Declaration, Setting, Values } from "./setting.ts";
import { SettingError } from "./setting-error.ts";

/** Texts by flag or by environment variable; undefined for one that was not given. */
export type Texts = Readonly<Record<string, string | undefined>>;

/** @throws SettingError for the first invalid value. */
export function resolveSettings<const D extends Declaration>(
  declaration: D,
  flags: Texts,
  env: Texts,
): Values<D> {
  return valuesOf(declaration, (setting) => {
    const flag = flags[setting.flag];
    if (flag !== undefined) return read(setting, `--${setting.flag}`, flag);
    const variable = env[setting.env];
    // An empty variable is how orchestrators say "not set".
    return variable === undefined || variable === "" ? setting.default : read(setting, setting.env, variable);
  });
}

/** The default of every setting. */
export function defaultsOf<const D extends Declaration>(declaration: D): Values<D> {
  return valuesOf(declaration, (setting) => setting.default);
}

/** The values of one declaration out of those of several. */
export function pickValues<const D extends Declaration>(declaration: D, values: Values<D>): Values<D> {
  const entries = Object.keys(declaration).map((name) => [name, values[name]]);
  return Object.fromEntries(entries) as Values<D>;
}

function valuesOf<D extends Declaration>(declaration: D, valueOf: (setting: Setting) => unknown): Values<D> {
  const entries = Object.entries(declaration).map(([name, setting]) => [name, valueOf(setting)]);
  return Object.fromEntries(entries) as Values<D>;
}

function read({ form }: Setting, name: string, text: string): unknown {
  const reading = form.read(text);
  if ("value" in reading) return reading.value;
  throw new SettingError(refusalText(name, form, text, reading));
}
