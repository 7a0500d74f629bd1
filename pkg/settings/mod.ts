// SPDX-License-Identifier: Apache-2.0

export { shownDefault, withoutRepeats } from "./describe.ts";
export { duration, shownDuration } from "./duration.ts";
export { parseSettingFlags } from "./flags.ts";
export type { Form, Reading } from "./form.ts";
export { refusalText } from "./form.ts";
export {
  anyText,
  httpUrl,
  isNumberForm,
  listOf,
  oneOf,
  textThat,
  trueOrFalse,
  wholeNumber,
} from "./forms.ts";
export type { Quantity } from "./quantity.ts";
export { quantity, quantityOf, quantityOrNone } from "./quantity.ts";
export type { Texts } from "./resolve.ts";
export { defaultsOf, pickValues, resolveSettings } from "./resolve.ts";
export type { NumberSetting, Setting, SettingGroup, Values } from "./setting.ts";
export { boolean, choice, kebabName, milliseconds, named, number, port, setting, text } from "./setting.ts";
export { SettingError } from "./setting-error.ts";
export { DAY_MS, GIB, HOUR_MS, KIB, MIB, MINUTE_MS, SECOND_MS } from "./units.ts";
