// SPDX-License-Identifier: Apache-2.0

/** What `perdure dev` says, as lines. */

import type { Exit, News, Next, StartReason } from "./restart-policy.ts";
import type { Change, ServedRoute } from "./served.ts";
import type { Style } from "./style.ts";

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

/** What changed in what is served; for what is new, a line to try it. */
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
  /** The last lines that it wrote to standard error. */
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
      return exitLines(news.exit, news.next, facts, style);
  }
}

function exitLines(exit: Exit, next: Next, facts: FunctionFacts, style: Style): string[] {
  if (exit.kind === "not started") {
    return [style.bad(`the function cannot be started: ${exit.reason}`), `its command is: ${facts.command}`];
  }
  const head = style.bad(`the function ended with ${exitText(exit)}`);
  if (next.kind === "retry") return [`${head}; it is started again in ${duration(next.inMs)}`];
  const last = facts.lastErrors.length === 0 ? [] : ["its last lines were:", ...facts.lastErrors.map(indent)];
  const hint =
    next.kind === "change"
      ? "it will be started again when a file changes"
      : "it is not started again, since its files are not watched";
  return [`${head}, again and again`, ...last, hint];
}

const indent = (line: string): string => `  ${line}`;

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
