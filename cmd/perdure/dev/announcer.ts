// SPDX-License-Identifier: Apache-2.0

/**
 * Tells the developer what happens: prints lines of the function and of the proxy, each after the name of its source,
 * the served routes, and what is being waited for.
 *
 * 1. `ready http://HOST:PORT` is written once, on a line of its own, when callers can call for the first time.
 * 2. What is served is written in full before that line; later, only what changed.
 * 3. Problems go to standard error, everything else to standard output.
 */

import { httpRoutes } from "../../../pkg/endpoint/mod.ts";
import type { RequestRecord } from "../../../pkg/proxy/mod.ts";
import type { UserFunctionSpec } from "../../../pkg/userfunction/mod.ts";

import type { Front } from "./front-page.ts";
import { changeLines, generatorLines, newsLines, servedLines, typeLines } from "./messages.ts";
import { requestLine } from "./request-line.ts";
import type { News } from "./restart-policy.ts";
import type { Screen } from "./screen.ts";
import type { ServedRoute } from "./served.ts";
import { changesBetween, servedRoutes, unservedNames } from "./served.ts";
import type { DevSettings } from "./settings.ts";
import type { Style } from "./style.ts";
import type { ToolResult } from "./tool.ts";
import type { ShownTrace } from "./trace-collector.ts";
import { traceLines } from "./trace-lines.ts";
import type { TypeNews } from "./type-checker.ts";
import { OwnLines, usefulLines } from "./useful-lines.ts";

export interface AnnouncerOptions {
  readonly settings: DevSettings;
  readonly watching: boolean;
  readonly screen: Screen;
  readonly style: Style;
  readonly errorStyle: Style;
  /** The log as its developer would write it. */
  readonly logText: string;
  /** Remarks for the developer before the first request, a line each. */
  readonly remarks: readonly string[];
  /** Whether every line that the function writes is shown. */
  readonly verbose: boolean;
  /** Characters in a line of the terminal now; undefined: standard output is no terminal. */
  readonly columns: () => number | undefined;
}

const OWN_NAME = "perdure";

/** How many lines of the function's standard error are kept, to be shown again when it ends. */
const KEPT_LINES = 100;

/** So many of them are shown again, but only if more than `LINES_BETWEEN` other lines followed, to avoid repetition. */
const SHOWN_LINES = 10;
const LINES_BETWEEN = 5;

/** A command is cut to so many characters in the waiting line, because a line that moves must not wrap. */
const MAX_SHOWN = 50;

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #width: number;
  #served: readonly ServedRoute[] | undefined;
  #description = "";
  #lastErrors: string[] = [];
  #linesSinceError = 0;
  #ownLines = new OwnLines();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#width = Math.max(OWN_NAME.length, options.settings.project.name.length);
  }

  get errorStyle(): Style {
    return this.#options.errorStyle;
  }

  /** The served routes, for the front page of the proxy. */
  get front(): Front {
    return { description: this.#description, routes: this.#served ?? [] };
  }

  starting(): void {
    this.#options.screen.await("starting the proxy");
  }

  /** Removes the waiting line. */
  settled(): void {
    this.#options.screen.await(undefined);
  }

  functionStarts(): void {
    this.#lastErrors = [];
    this.#linesSinceError = 0;
    this.#ownLines = new OwnLines();
    const { text } = this.#options.settings.command;
    this.#options.screen.await(
      `waiting for ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}`,
    );
  }

  restarting(): void {
    this.#options.screen.await("restarting the function");
  }

  functionLine(line: string, stream: "stdout" | "stderr"): void {
    const { screen, style, errorStyle, settings } = this.#options;
    const { name } = settings.project;
    if (stream === "stdout") {
      this.#linesSinceError++;
      return screen.line(`${this.#prefix(name, style.verb)} ${line}`);
    }
    const shown = this.#options.verbose ? line : this.#ownLines.of(line);
    if (shown === undefined) return;
    this.#linesSinceError = 0;
    this.#lastErrors.push(shown);
    if (this.#lastErrors.length > KEPT_LINES) this.#lastErrors.shift();
    screen.errorLine(`${this.#prefix(name, errorStyle.verb)} ${shown}`);
  }

  proxyLine(line: string): void {
    this.#problem([line]);
  }

  request(record: RequestRecord): void {
    this.#note([requestLine(record, this.#options.style)]);
  }

  /** @param link where the trace can be looked at */
  trace(trace: ShownTrace, link: string | undefined): void {
    const { style, columns } = this.#options;
    const all = columns();
    const own = all === undefined ? undefined : all - this.#prefix(OWN_NAME, String).length - 1;
    this.#note(traceLines(trace, { style, columns: own, link }));
  }

  generating(): void {
    this.#options.screen.await("generating code");
  }

  /** @param result of the generator; undefined: there is no generator. */
  generatorProblem(result: ToolResult | undefined): void {
    this.settled();
    this.#problem(generatorLines(result, this.errorStyle));
  }

  types(news: TypeNews): void {
    const { style, errorStyle } = this.#options;
    if (news.kind === "right again") this.#note(typeLines(news, style));
    else this.#problem(typeLines(news, errorStyle));
  }

  /** Announces the services that are served now; undefined while none are. */
  spec(spec: UserFunctionSpec | undefined, port: number): void {
    if (spec === undefined) return;
    const { settings, style, screen } = this.#options;
    const routes = httpRoutes(spec).map((route) => ({ ...route, method: route.method.desc }));
    const served = servedRoutes(routes, { host: settings.publicHost, port });
    screen.await(undefined);
    this.#description = spec.description;
    if (this.#served === undefined) this.#announceReady(spec, served, port);
    else this.#note(changeLines(changesBetween(this.#served, served), style));
    this.#served = served;
  }

  refused(): void {
    this.settled();
    if (this.#options.watching) this.#problem(["it is looked at again when a file changes"]);
  }

  news(news: News): void {
    const { settings, style, errorStyle, screen } = this.#options;
    const facts = {
      command: settings.command.text,
      address: `${settings.functionAddress.host}:${settings.functionAddress.port}`,
      lastErrors: this.#linesSinceError > LINES_BETWEEN ? usefulLines(this.#lastErrors, SHOWN_LINES) : [],
    };
    if (news.kind === "restarted") return this.#note(newsLines(news, facts, style));
    screen.await(undefined);
    this.#problem(newsLines(news, facts, errorStyle));
  }

  watchFailed(error: Error): void {
    this.#problem([`changes of files are not seen any more: ${error.message}`]);
  }

  stopping(): void {
    this.#options.screen.await("stopping; Ctrl-C once more stops at once");
  }

  stopped(): void {
    this.settled();
    this.#note(["stopped"]);
  }

  #announceReady(spec: UserFunctionSpec, served: readonly ServedRoute[], port: number): void {
    const { screen, style, settings, logText, remarks } = this.#options;
    const unserved = unservedNames(spec.unserved).map((name) => style.warning(name));
    const lines = [
      "",
      style.dim(`${spec.description}; state in ${logText}`),
      ...remarks.map((remark) => style.warning(remark)),
      "",
      ...servedLines(served, style),
      ...(unserved.length === 0 ? [] : [...unserved, ""]),
      `${style.good("ready")} ${style.bold(`http://${settings.publicHost}:${port}`)}`,
    ];
    for (const line of lines) screen.line(line);
  }

  #note(lines: readonly string[]): void {
    const { screen, style } = this.#options;
    this.#linesSinceError += lines.length;
    for (const line of lines) screen.line(`${this.#prefix(OWN_NAME, style.dim)} ${line}`);
  }

  #problem(lines: readonly string[]): void {
    const { screen, errorStyle } = this.#options;
    this.#linesSinceError += lines.length;
    for (const line of lines) screen.errorLine(`${this.#prefix(OWN_NAME, errorStyle.dim)} ${line}`);
  }

  #prefix(name: string, mark: (text: string) => string): string {
    return mark(`${name.padEnd(this.#width)} |`);
  }
}
