// SPDX-License-Identifier: Apache-2.0

export type { EffectFields } from "./effect-fields.ts";
export { NO_EFFECT_FIELDS } from "./effect-fields.ts";
export type {
  Change,
  CommitMetadata,
  Cursor,
  EventPoint,
  HistoryErrorCode,
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
