// SPDX-License-Identifier: Apache-2.0

import { shownText } from "./shown-text.ts";
import type { Style } from "./style.ts";
import type { ShownTrace, TraceNode } from "./trace-collector.ts";

export interface TraceLook {
  readonly style: Style;
  /** Characters in a line of the terminal; undefined: it is no terminal, and nothing is drawn. */
  readonly columns: number | undefined;
  /** Where the trace can be looked at, or what to look for there; undefined: nowhere. */
  readonly link: string | undefined;
}

/** A span in the order of the lines, with what stands before its name. */
interface Row {
  readonly node: TraceNode;
  readonly depth: number;
  readonly branch: string;
}

/** From the first span's beginning to the last one's end. */
interface Window {
  readonly startMs: number;
  readonly totalMs: number;
}

const BAR_COLUMNS = 16;
const TIME_COLUMNS = "999.9 ms".length;
/** Names have at least so many columns, however narrow the terminal is, and at most so many, however wide it is. */
const MIN_NAME_COLUMNS = 12;
const MAX_NAME_COLUMNS = 60;
/** Deeper spans are not moved further to the right. */
const MAX_DRAWN_DEPTH = 6;
const MAX_PLAIN_NAME = 200;

/**
 * A trace as lines, one for each span: on a terminal a tree with the time that each took, and a bar that shows when;
 * elsewhere the same in words. A span that failed has its code there instead.
 */
export function traceLines(trace: ShownTrace, { style, columns, link }: TraceLook): string[] {
  const rows = rowsOf(trace.root);
  const window = windowOf(rows);
  const lines =
    columns === undefined
      ? rows.map((row) => plainLine(row, window, style))
      : drawnLines(rows, window, columns, style);
  const remarks: string[] = [];
  if (trace.leftOut > 0) remarks.push(`… and ${counted(trace.leftOut, "more span")}, too many to show`);
  if (trace.missed > 0) remarks.push(`${counted(trace.missed, "trace")} before this were too many to show`);
  return [...lines, ...remarks, ...(link === undefined ? [] : [`trace ${link}`])].map((line, i) =>
    i < lines.length ? line : style.dim(line),
  );
}

/** Depth first. */
function rowsOf(root: TraceNode): Row[] {
  const rows: Row[] = [];
  const add = (node: TraceNode, depth: number, branch: string, below: string): void => {
    rows.push({ node, depth, branch });
    const isDrawn = depth < MAX_DRAWN_DEPTH;
    for (const [i, child] of node.children.entries()) {
      const isLast = i === node.children.length - 1;
      const more = isDrawn ? `${below}${isLast ? "   " : "│  "}` : below;
      add(child, depth + 1, isDrawn ? `${below}${isLast ? "└─ " : "├─ "}` : branch, more);
    }
  };
  add(root, 0, "", "");
  return rows;
}

function windowOf(rows: readonly Row[]): Window {
  const startMs = Math.min(...rows.map(({ node }) => node.startMs));
  const endMs = Math.max(...rows.map(({ node }) => node.endMs ?? node.startMs));
  return { startMs, totalMs: endMs - startMs };
}

function plainLine({ node, depth }: Row, { startMs }: Window, style: Style): string {
  const words = [shownText(node.name, MAX_PLAIN_NAME), style.dim(timeOf(node))];
  if (depth > 0) words.push(style.dim(`after ${duration(node.startMs - startMs)}`));
  if (node.failure !== undefined) words.push(style.bad(shownText(node.failure, MAX_PLAIN_NAME)));
  return `${"  ".repeat(depth)}${words.join("  ")}`;
}

function drawnLines(rows: readonly Row[], window: Window, columns: number, style: Style): string[] {
  // Two spaces between the three columns, and one column less than there are, because some terminals wrap at the last.
  const room = columns - 1 - TIME_COLUMNS - BAR_COLUMNS - 4;
  const longest = Math.max(...rows.map(({ node, branch }) => branch.length + node.name.length));
  const wanted = Math.min(longest, MAX_NAME_COLUMNS);
  const nameColumns = Math.max(MIN_NAME_COLUMNS, Math.min(wanted, room));
  return rows.map(({ node, branch }) => {
    const name = endOf(shownText(node.name, node.name.length), Math.max(1, nameColumns - branch.length));
    const time = timeOf(node).padStart(TIME_COLUMNS);
    const padding = " ".repeat(Math.max(0, nameColumns - branch.length - name.length));
    const last =
      node.failure === undefined
        ? style.verb(barOf(node, window))
        : style.bad(startOf(shownText(node.failure, node.failure.length), BAR_COLUMNS));
    return `${style.dim(branch)}${name}${padding}  ${style.dim(time)}  ${last}`;
  });
}

/** Where the span lies in the trace. */
function barOf({ startMs, endMs }: TraceNode, window: Window): string {
  const columnOf = (ms: number): number =>
    window.totalMs === 0 ? 0 : ((ms - window.startMs) / window.totalMs) * BAR_COLUMNS;
  const first = Math.min(Math.floor(columnOf(startMs)), BAR_COLUMNS - 1);
  const last = endMs === undefined ? BAR_COLUMNS : Math.ceil(columnOf(endMs));
  return `${" ".repeat(first)}${"━".repeat(Math.max(1, last - first))}`;
}

function timeOf({ startMs, endMs }: TraceNode): string {
  return endMs === undefined ? "goes on" : duration(endMs - startMs);
}

function duration(ms: number): string {
  return ms < 999.95 ? `${ms.toFixed(1)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** The end of a long name says more than its beginning: `…ShoppingCart.AddItem`. */
function endOf(text: string, columns: number): string {
  return text.length <= columns ? text : `…${text.slice(text.length - columns + 1)}`;
}

function startOf(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
