// SPDX-License-Identifier: Apache-2.0

/** What a part says about itself, for people who look into a running proxy, as JSON has it. */
export interface PartState {
  readonly [name: string]: Reported;
}

/** A plain value, a group of values, or a table, of which each row is such a group. */
export type Reported = string | number | boolean | PartState | readonly PartState[];

/** What all parts say, by their names. */
export type Report = Readonly<Record<string, PartState>>;

/** In a table this is the name of an entity, which tells about callers. */
const ENTITY = "entity";

/** The same report, in which no row names an entity. */
export function withoutEntities(report: Report): Report {
  return mapValues(report, (state) =>
    mapValues(state, (value) => (isTable(value) ? value.map(({ [ENTITY]: _, ...row }) => row) : value)),
  );
}

function mapValues<V>(of: Readonly<Record<string, V>>, change: (value: V) => V): Record<string, V> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}

const INDENT = "  ";

/** The report as text: values, and groups of them, beside their names, and tables with aligned columns. */
export function reportText(report: Report): string {
  return Object.entries(report)
    .map(([name, state]) => [name, ...linesOf(state, INDENT)].join("\n"))
    .join("\n\n");
}

function linesOf(state: PartState, indent: string): string[] {
  const entries = Object.entries(state);
  const width = Math.max(0, ...entries.filter(([, value]) => !isTable(value)).map(([name]) => name.length));
  return entries.flatMap(([name, value]) =>
    isTable(value) ? table(name, value, indent) : [`${indent}${name.padEnd(width)}  ${inLine(value)}`],
  );
}

function table(name: string, rows: readonly PartState[], indent: string): string[] {
  if (rows.length === 0) return [`${indent}${name}  none`];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => names.map((column) => cell(row[column])));
  const widths = names.map((column, index) =>
    Math.max(column.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `${indent}${INDENT}${row.map((text, index) => text.padEnd(widths[index] ?? 0)).join("  ")}`.trimEnd();
  return [`${indent}${name}`, line(names), ...cells.map(line)];
}

function cell(value: Reported | undefined): string {
  if (value === undefined) return "-";
  return isTable(value) ? `${value.length} rows` : inLine(value);
}

function inLine(value: Exclude<Reported, readonly PartState[]>): string {
  if (typeof value !== "object") return shown(value);
  return Object.entries(value)
    .map(([name, each]) => `${name} ${cell(each)}`)
    .join(", ");
}

/** Texts that callers may have chosen, such as ids of entities, must not change what a terminal shows. */
function shown(value: string | number | boolean): string {
  return String(value).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

function isTable(value: Reported): value is readonly PartState[] {
  return Array.isArray(value);
}
