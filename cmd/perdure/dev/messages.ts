// SPDX-License-Identifier: Apache-2.0

/** What `perdure dev` says, as lines. */

import type { Exit, News, Next, StartReason } from "./restart-policy.ts";
import type { Change, ServedRoute } from "./served.ts";
import type { Style } from "./style.ts";
import type { ToolResult } from "./tool.ts";
import type { TypeNews } from "./type-checker.ts";

/** Every route with a line to try it, by service, and one line for gRPC. */
export function servedLines(routes: readonly ServedRoute[], style: Style): string[] {
  const lines: string[] = [];
  for (const [service, ofService] of Map.groupBy(routes, (route) => route.service)) {
    lines.push(style.bold(service));
    for (const route of ofService) lines.push(`  ${routeLine(route, style)}`, `    ${route.curl}`);
    const [first] = ofService;
    if (first !== undefined) lines.push(`  ${style.dim("the same over gRPC")}`, `    ${first.grpcurl}`);
    lines.push("");
  }
  return lines;
}

function routeLine({ method, httpMethod, path }: ServedRoute, style: Style): string {
  return `${style.bold(method)}  ${style.verb(httpMethod)} ${path}`;
}

/** The changes of the served routes, with a line to try each route that is new or changed. */
export function changeLines(changes: readonly Change[], style: Style): string[] {
  const marks = { added: style.good("+"), removed: style.bad("-"), changed: style.warning("~") };
  return changes.flatMap(({ kind, route }) => {
    const line = `${marks[kind]} ${routeLine(route, style)}`;
    return kind === "removed" ? [line] : [line, `    ${route.curl}`];
  });
}

export interface FunctionFacts {
  readonly command: string;
  /** `host:port` where it has to listen. */
  readonly address: string;
  /** The helpful ones of its last lines on standard error; none if they stand right above. */
  readonly lastErrors: readonly string[];
}

export function newsLines(news: News, facts: FunctionFacts, style: Style): string[] {
  switch (news.kind) {
    case "restarted":
      return [`${style.good("restarted")} ${startReason(news.reason)} (${duration(news.tookMs)})`];
    case "killed":
      return [style.warning(`the function did not end within ${duration(news.afterMs)}, so it was killed`)];
    case "silent":
      return [
        style.bad(
          `the function runs, but after ${duration(news.afterMs)} nothing answers on ${facts.address}`,
        ),
        `it was started with: ${facts.command}`,
        "it has to serve the protocol there: HOST and PORT in its environment say where, and `serve` of",
        "@perdure/sdk follows them",
      ];
    case "exited":
      return exitLines(news, facts, style);
  }
}

function exitLines(
  { exit, hasServed, next }: News & { kind: "exited" },
  facts: FunctionFacts,
  style: Style,
): string[] {
  if (exit.kind === "not started") {
    return [style.bad(`the function cannot be started: ${exit.reason}`), `its command is: ${facts.command}`];
  }
  const head = style.bad(`the function ended with ${exitText(exit)}`);
  if (next.kind === "retry") return [`${head}; it is started again in ${duration(next.inMs)}`];
  const often = hasServed ? "again and again" : "before it served anything";
  const last = facts.lastErrors.length === 0 ? [] : ["its last lines were:", ...facts.lastErrors.map(indent)];
  return [`${head}, ${often}`, ...last, nextLine(next)];
}

function nextLine(next: Exclude<Next, { kind: "retry" }>): string {
  return next.kind === "change"
    ? "it is started again when a file changes"
    : "it is not started again, since its files are not watched";
}

const indent = (line: string): string => `  ${line}`;

/** Why code could not be generated; undefined: there is no generator. */
export function generatorLines(result: ToolResult | undefined, style: Style): string[] {
  if (result === undefined) {
    return [
      style.warning("a .proto file has changed, but nothing says how code is generated of it:"),
      'give the package.json a script "generate", or the folder a buf.gen.yaml',
    ];
  }
  const { exit, lines, more } = result;
  const why = exit.kind === "not started" ? exit.reason : exitText(exit);
  return [
    style.bad(`code could not be generated (${why}); the function goes on as it is`),
    ...cut(lines, more),
  ];
}

export function typeLines(news: TypeNews, style: Style): string[] {
  switch (news.kind) {
    case "wrong":
      return [
        style.warning("types do not fit; this alone does not stop the function"),
        ...cut(news.lines, news.more),
      ];
    case "right again":
      return [style.good("types fit again")];
    case "unchecked":
      return [style.warning("types could not be checked"), ...news.lines.map(indent)];
  }
}

/** Lines of a tool that are shown. */
const MAX_LINES = 20;

function cut(lines: readonly string[], more: number): string[] {
  const rest = Math.max(0, lines.length - MAX_LINES) + more;
  const shown = lines.slice(0, MAX_LINES).map(indent);
  return rest === 0 ? shown : [...shown, indent(`… and ${rest} more lines`)];
}

function exitText(exit: Exit): string {
  switch (exit.kind) {
    case "code":
      return `exit code ${exit.code}`;
    case "signal":
      return `signal ${exit.signal}`;
    case "not started":
      return exit.reason;
  }
}

function startReason(reason: StartReason): string {
  switch (reason.kind) {
    case "first":
      return "";
    case "changed":
      return `after a change of ${fileList(reason.files)}`;
    case "exited":
      return `after ${exitText(reason.exit)}`;
  }
}

function fileList(files: readonly string[]): string {
  const shown = files.slice(0, 3).join(", ");
  return files.length > 3 ? `${shown} and ${files.length - 3} more` : shown;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}
