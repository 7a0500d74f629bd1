// SPDX-License-Identifier: Apache-2.0

import { anyText, isNumberForm } from "./forms.ts";
import type { Setting, SettingGroup } from "./setting.ts";

/** One line of help: the setting's purpose, variable, default and valid texts. */
export function describeSetting(setting: Setting): string {
  const { help, env, form } = setting;
  const valid = form === anyText ? "" : `; ${form.shown.replaceAll("`", "")}`;
  return `${help} (env ${env}, default ${shownDefault(setting)}${valid})`;
}

/** The default with its unit; `none` if it stands for nothing. */
export function shownDefault({ form, default: value }: Setting): string {
  const unit = isNumberForm(form) && form.unit !== "" ? ` ${form.unit}` : "";
  return `${form.write(value) || "none"}${unit}`;
}

/** The groups, each without the settings that a group before it has. */
export function withoutRepeats(groups: readonly SettingGroup[]): readonly SettingGroup[] {
  const seen = new Set<string>();
  return groups.map(({ title, settings }) => {
    const own = Object.entries(settings).filter(([, { flag }]) => !seen.has(flag));
    for (const [, { flag }] of own) seen.add(flag);
    return { title, settings: Object.fromEntries(own) };
  });
}
