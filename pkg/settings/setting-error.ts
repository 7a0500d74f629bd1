// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

/** The error for an invalid value of a setting: a sentence that names the setting and says what is allowed. */
export class SettingError extends CodedError<"BAD_SETTING"> {
  constructor(message: string) {
    super("BAD_SETTING", message);
  }
}
