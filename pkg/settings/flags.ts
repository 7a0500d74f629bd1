// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { describeSetting } from "./describe.ts";
import type { SettingGroup } from "./setting.ts";

/**
 * Adds an option to the command for each setting, and parses the command line. Returns the given texts by flag.
 *
 * @param version is printed by `--version`; undefined: there is no such flag.
 */
export function parseSettingFlags(
  command: Command,
  groups: readonly SettingGroup[],
  argv: readonly string[],
  version?: string,
): Record<string, string | undefined> {
  // Collect the values by flag, because commander would store them under camel-case names.
  const values: Record<string, string | undefined> = {};
  for (const { title, settings } of groups) {
    for (const setting of Object.values(settings)) {
      const option = command.createOption(`--${setting.flag} <value>`, describeSetting(setting));
      command.addOption(option.helpGroup(`${title}:`)).on(`option:${setting.flag}`, (value: string) => {
        values[setting.flag] = value;
      });
    }
  }
  // After the settings, because help prints the groups in the order of their first options.
  if (version !== undefined) command.version(version);
  command.parse(argv);
  return values;
}
