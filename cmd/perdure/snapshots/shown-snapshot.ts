// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../../../pkg/base/mod.ts";
import type { StoredSnapshot } from "../../../pkg/eventlog/mod.ts";
import { readSnapshot } from "../../../pkg/record/mod.ts";

/** The parts of a snapshot that are shown, to people as text and to programs as JSON. */
export type ShownSnapshot = ShownKey & (ShownContents | { readonly problem: string });

interface ShownKey {
  readonly type: string;
  readonly id: string;
}

interface ShownContents {
  /** Events that it stands for. */
  readonly events: number;
  /** The `snapshotVersion` of the code that made it; empty if the code declared none. */
  readonly version: string;
  /** Its type URL. */
  readonly stateType: string;
  readonly stateBytes: number;
  /** When it was made, as ISO 8601 has it. */
  readonly time: string;
  /** Answers to commands with an idempotency key. */
  readonly keptReplies: number;
  readonly undoneEffects: number;
  /** Base64; only if it was asked for. */
  readonly state?: string;
}

export function shownSnapshot(
  { entity, position, bytes }: StoredSnapshot,
  withState: boolean,
): ShownSnapshot {
  const { type, id } = entity;
  try {
    const { cursor, version, state, timeMs, proxyState } = readSnapshot({ position, bytes });
    return {
      type,
      id,
      events: cursor.sequence,
      version,
      stateType: state.typeUrl,
      stateBytes: state.value.length,
      time: new Date(timeMs).toISOString(),
      keptReplies: proxyState?.replies.length ?? 0,
      undoneEffects: proxyState?.effects.length ?? 0,
      ...(withState && { state: Buffer.from(state.value).toString("base64") }),
    };
  } catch (thrown) {
    return { type, id, problem: describeError(thrown) };
  }
}

/** One line. */
export function listLine(shown: ShownSnapshot): string {
  if ("problem" in shown) return `${nameOf(shown)}: ${shown.problem}`;
  const { events, version, stateType, stateBytes, time } = shown;
  return `${nameOf(shown)}: ${count(events, "event")}, ${versionText(version)}, ${count(stateBytes, "byte")} of ${typeName(stateType)}, ${time}`;
}

export function showLines(shown: ShownSnapshot): readonly string[] {
  const rows: (readonly [string, string])[] = [
    ["type", quoted(shown.type)],
    ["id", quoted(shown.id)],
  ];
  if ("problem" in shown) rows.push(["problem", shown.problem]);
  else {
    rows.push(
      ["events", `${shown.events}`],
      ["version", versionText(shown.version)],
      ["made at", shown.time],
      ["kept replies", `${shown.keptReplies}`],
      ["undone effects", `${shown.undoneEffects}`],
      ["state type", shown.stateType],
      ["state bytes", `${shown.stateBytes}`],
    );
    if (shown.state !== undefined) rows.push(["state", shown.state]);
  }
  return rows.map(([name, value]) => `${name.padEnd(16)}${value}`);
}

/** Type and id, each as a shell would take it. */
export function nameOf({ type, id }: ShownKey): string {
  return `${quoted(type)} ${quoted(id)}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Escapes special characters, because ids come from outside and a terminal or shell could misread them. */
function quoted(text: string): string {
  return /^[\p{L}\p{N}._:@/+-]+$/u.test(text) ? text : JSON.stringify(text);
}

function versionText(version: string): string {
  return version === "" ? "no version" : `version ${JSON.stringify(version)}`;
}

function typeName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
