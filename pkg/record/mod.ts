// SPDX-License-Identifier: Apache-2.0

export type { Change, Cursor, EffectFields, HistoryErrorCode, SnapshotPoint, ValuePoint } from "./history.ts";
export {
  advance,
  answeredIn,
  checkEnd,
  HistoryError,
  NO_EFFECT_FIELDS,
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
export { readTrace, traceMessage } from "./record-trace.ts";
