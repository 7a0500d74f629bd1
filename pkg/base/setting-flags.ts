// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { describeSetting } from "./settings.ts";
import type { Setting } from "./settings.ts";

/** Gives the command an option for each setting, and reads the command line: the texts by flag. */
export function parseSettingFlags(
  command: Command,
  settings: readonly Setting[],
  argv: readonly string[],
): Record<string, string | undefined> {
  // Their own names, instead of the ones in which commander would keep them.
  const values: Record<string, string | undefined> = {};
  for (const setting of settings) {
    const option = command.createOption(`--${setting.flag} <value>`, describeSetting(setting));
    command.addOption(option).on(`option:${setting.flag}`, (value: string) => {
      values[setting.flag] = value;
    });
  }
  command.parse(argv);
  return values;
}
