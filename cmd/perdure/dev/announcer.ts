// SPDX-License-Identifier: Apache-2.0

/**
 * Tells the developer what goes on: lines of the function and of the proxy with who said it before each, what is
 * served, and what is being waited for.
 *
 * 1. `ready http://HOST:PORT` is written once, on a line of its own, when callers can call for the first time.
 * 2. What is served is written in full before that line; later, only what changed.
 * 3. Problems go to standard error, everything else to standard output.
 */

import { httpRoutes } from "../../../pkg/endpoint/mod.ts";
import type { UserFunctionSpec } from "../../../pkg/userfunction/mod.ts";
import { changeLines, newsLines, servedLines } from "./messages.ts";
import type { News } from "./restart-policy.ts";
import type { Screen } from "./screen.ts";
import { changesBetween, servedRoutes, unservedNames } from "./served.ts";
import type { ServedRoute } from "./served.ts";
import type { DevSettings } from "./settings.ts";
import type { Style } from "./style.ts";

export interface AnnouncerOptions {
  readonly settings: DevSettings;
  readonly watching: boolean;
  readonly screen: Screen;
  readonly style: Style;
  readonly errorStyle: Style;
  /** The log as its developer would write it. */
  readonly logText: string;
}

const OWN_NAME = "perdure";

/** Lines of the function's standard error that are kept for when it has failed for good. */
const KEPT_LINES = 10;

/** A command is cut here while it is awaited, in characters: a line that moves must not wrap. */
const MAX_SHOWN = 50;

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #width: number;
  #served: readonly ServedRoute[] | undefined;
  #lastErrors: string[] = [];

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#width = Math.max(OWN_NAME.length, options.settings.project.name.length);
  }

  get errorStyle(): Style {
    return this.#options.errorStyle;
  }

  starting(): void {
    this.#options.screen.await("starting the proxy");
  }

  /** Nothing is awaited any more. */
  settled(): void {
    this.#options.screen.await(undefined);
  }

  functionStarts(): void {
    this.#lastErrors = [];
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
    if (stream === "stdout") return screen.line(`${this.#prefix(name, style.verb)} ${line}`);
    this.#lastErrors = [...this.#lastErrors, line].slice(-KEPT_LINES);
    screen.errorLine(`${this.#prefix(name, errorStyle.verb)} ${line}`);
  }

  proxyLine(line: string): void {
    this.#problem([line]);
  }

  /** What is served now; undefined while nothing is. */
  spec(spec: UserFunctionSpec | undefined, port: number): void {
    if (spec === undefined) return;
    const { settings, style, screen } = this.#options;
    const routes = httpRoutes(spec).map((route) => ({ ...route, method: route.method.desc }));
    const served = servedRoutes(routes, { host: settings.publicHost, port });
    screen.await(undefined);
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
      lastErrors: this.#lastErrors,
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
    const { screen, style, settings, logText } = this.#options;
    const unserved = unservedNames(spec.unserved).map((name) => style.warning(name));
    const lines = [
      "",
      style.dim(`${spec.description}; state in ${logText}`),
      "",
      ...servedLines(served, style),
      ...(unserved.length === 0 ? [] : [...unserved, ""]),
      `${style.good("ready")} ${style.bold(`http://${settings.publicHost}:${port}`)}`,
    ];
    for (const line of lines) screen.line(line);
  }

  #note(lines: readonly string[]): void {
    const { screen, style } = this.#options;
    for (const line of lines) screen.line(`${this.#prefix(OWN_NAME, style.dim)} ${line}`);
  }

  #problem(lines: readonly string[]): void {
    const { screen, errorStyle } = this.#options;
    for (const line of lines) screen.errorLine(`${this.#prefix(OWN_NAME, errorStyle.dim)} ${line}`);
  }

  #prefix(name: string, mark: (text: string) => string): string {
    return mark(`${name.padEnd(this.#width)} |`);
  }
}
