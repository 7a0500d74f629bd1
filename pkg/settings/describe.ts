// SPDX-License-Identifier: Apache-2.0

import { assert } from "../base/mod.ts";

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

/** The groups, each without the settings that a group before it has. Two settings with one flag must say the same. */
export function withoutRepeats(groups: readonly SettingGroup[]): readonly SettingGroup[] {
  const seen = new Map<string, Setting>();
  return groups.map(({ title, settings }) => {
    const own = Object.entries(settings).filter(([, { flag }]) => !seen.has(flag));
    for (const setting of Object.values(settings)) {
      const known = seen.get(setting.flag) ?? setting;
      const isSame = known.default === setting.default && known.help === setting.help;
      assert(isSame, `--${setting.flag} is one setting`);
      seen.set(setting.flag, known);
    }
    return { title, settings: Object.fromEntries(own) };
  });
}
