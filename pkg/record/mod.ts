// SPDX-License-Identifier: Apache-2.0

export type { EffectEntry } from "./effect-entry.ts";
export { NO_EFFECT_NEWS } from "./effect-entry.ts";
export type {
  Change,
  Cursor,
  EventPoint,
  HistoryErrorCode,
  Memo,
  SnapshotPoint,
  ValuePoint,
} from "./history.ts";
export {
  advance,
  answeredIn,
  checkEnd,
  HistoryError,
  NO_VALUE,
  ORIGIN,
  readCommit,
  readRecord,
  readSnapshot,
  readValue,
  sequencesOf,
  writeCommit,
  writeSnapshot,
} from "./history.ts";
