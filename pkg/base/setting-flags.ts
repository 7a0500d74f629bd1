// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { describeSetting } from "./settings.ts";
import type { Setting, SettingGroup } from "./settings.ts";

/**
 * Gives the command an option for each setting, and reads the command line: the texts by flag.
 *
 * @param version is printed when it is asked for; undefined: there is no such flag.
 */
export function parseSettingFlags(
  command: Command,
  groups: readonly SettingGroup[],
  argv: readonly string[],
  version?: string,
): Record<string, string | undefined> {
  // Their own names, instead of the ones in which commander would keep them.
  const values: Record<string, string | undefined> = {};
  for (const { title, settings } of groups) {
    for (const setting of Object.values<Setting>(settings)) {
      const option = command.createOption(`--${setting.flag} <value>`, describeSetting(setting));
      command.addOption(option.helpGroup(`${title}:`)).on(`option:${setting.flag}`, (value: string) => {
        values[setting.flag] = value;
      });
    }
  }
  // Behind the settings, because groups are printed in the order in which their first options came.
  if (version !== undefined) command.version(version);
  command.parse(argv);
  return values;
}
