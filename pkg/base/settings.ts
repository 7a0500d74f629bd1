// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "./error.ts";

/**
 * One setting of a program: a flag, an environment variable and a default, in this order of precedence. This one
 * declaration parses them, prints its help and writes `docs/configuration.md`.
 */
export type Setting<T extends SettingValue = SettingValue> = {
  readonly flag: string;
  readonly env: string;
  readonly help: string;
  readonly default: T;
} & (T extends number
  ? { readonly kind: "number"; readonly unit: string; readonly min: number; readonly max: number }
  : T extends boolean
    ? { readonly kind: "boolean" }
    : { readonly kind: "text"; readonly oneOf?: readonly string[]; readonly form?: "http-url" });

export type SettingValue = string | number | boolean;

/** A declaration: settings by the name that the code uses. */
export type Declaration = Readonly<Record<string, Setting<string> | Setting<number> | Setting<boolean>>>;

/** Settings that belong together, in help and documentation. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: Declaration;
}

export type Values<D extends Declaration> = {
  readonly [K in keyof D]: D[K] extends { kind: "number" }
    ? number
    : D[K] extends { kind: "boolean" }
      ? boolean
      : string;
};

/** The error for an invalid value of a setting. The text names the setting and what is allowed. */
export class SettingError extends CodedError<"BAD_SETTING"> {
  constructor(message: string) {
    super("BAD_SETTING", message);
  }
}

export function number(
  flag: string,
  env: string,
  value: number,
  unit: string,
  [min, max]: readonly [number, number],
  help: string,
): Setting<number> {
  return { kind: "number", flag, env, default: value, unit, min, max, help };
}

export function text(
  flag: string,
  env: string,
  value: string,
  help: string,
  oneOf?: readonly string[],
): Setting<string> {
  return { kind: "text", flag, env, default: value, help, ...(oneOf !== undefined && { oneOf }) };
}

/** The address of something that answers HTTP without TLS. */
export function httpUrl(flag: string, env: string, value: string, help: string): Setting<string> {
  return { kind: "text", flag, env, default: value, help, form: "http-url" };
}

export function boolean(flag: string, env: string, value: boolean, help: string): Setting<boolean> {
  return { kind: "boolean", flag, env, default: value, help };
}

/**
 * The value of every setting.
 *
 * @param flags the texts from the command line, by flag; undefined for a flag that was not given.
 * @throws SettingError for the first invalid value.
 */
export function resolveSettings<const D extends Declaration>(
  declaration: D,
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): Values<D> {
  const entries = Object.entries(declaration).map(([name, setting]) => {
    const flag = flags[setting.flag];
    if (flag !== undefined) return [name, parse(setting, flag, `--${setting.flag}`)];
    const variable = env[setting.env];
    // An empty variable is how orchestrators say "not set".
    if (variable !== undefined && variable !== "") return [name, parse(setting, variable, setting.env)];
    return [name, setting.default];
  });
  return Object.fromEntries(entries) as Values<D>;
}

/** One line of help: what it is, its variable and its default. */
export function describeSetting(setting: Setting): string {
  return `${setting.help} (env ${setting.env}, default ${shownDefault(setting)})`;
}

/** The default with its unit; `none` if it is empty. */
export function shownDefault(setting: Setting): string {
  const unit = setting.kind === "number" && setting.unit !== "port" ? ` ${setting.unit}` : "";
  return setting.default === "" ? "none" : `${String(setting.default)}${unit}`;
}

function parse(setting: Declaration[string], value: string, source: string): SettingValue {
  switch (setting.kind) {
    case "number":
      return parseNumber(setting, value, source);
    case "boolean":
      if (value !== "true" && value !== "false")
        throw new SettingError(`${source}=${value}: is either true or false`);
      return value === "true";
    case "text":
      if (setting.oneOf !== undefined && !setting.oneOf.includes(value)) {
        throw new SettingError(`${source}=${value}: must be one of ${setting.oneOf.join(", ")}`);
      }
      if (setting.form === "http-url" && !isHttpUrl(value)) {
        throw new SettingError(`${source}=${value}: must be a URL that begins with http://`);
      }
      return value;
  }
}

function isHttpUrl(value: string): boolean {
  return value === "" || (URL.canParse(value) && new URL(value).protocol === "http:");
}

function parseNumber({ min, max, unit }: Setting<number>, value: string, source: string): number {
  const parsed = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(parsed >= min && parsed <= max)) {
    throw new SettingError(`${source}=${value}: must be a whole number from ${min} to ${max} (${unit})`);
  }
  return parsed;
}
