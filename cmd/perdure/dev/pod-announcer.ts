// SPDX-License-Identifier: Apache-2.0

import { httpRoutes } from "../../../pkg/endpoint/mod.ts";
import type { RequestRecord } from "../../../pkg/proxy/mod.ts";
import type { UserFunctionSpec } from "../../../pkg/userfunction/mod.ts";

import type { Front } from "./front-page.ts";
import { newsLines } from "./messages.ts";
import type { NamedLines, Source } from "./named-lines.ts";
import type { PodSettings } from "./pod-settings.ts";
import { requestLine } from "./request-line.ts";
import type { News } from "./restart-policy.ts";
import type { Screen } from "./screen.ts";
import { servedRoutes } from "./served.ts";
import type { DevSettings } from "./settings.ts";
import type { Style } from "./style.ts";
import type { ShownTrace } from "./trace-collector.ts";
import { traceLines } from "./trace-lines.ts";
import { OwnLines, usefulLines } from "./useful-lines.ts";

export interface PodAnnouncerDependencies {
  readonly settings: DevSettings;
  readonly pod: PodSettings;
  readonly function: Source;
  readonly proxy: Source;
  readonly lines: NamedLines;
  readonly screen: Screen;
  readonly style: Style;
  readonly errorStyle: Style;
  readonly watching: boolean;
  /** Whether every line that the function writes is shown. */
  readonly verbose: boolean;
  /** Characters in a line of the terminal now; undefined: standard output is no terminal. */
  readonly columns: () => number | undefined;
  /** Called when the function is served, on this public port. */
  readonly onServed: (spec: UserFunctionSpec, port: number) => void;
}

/** How many lines of the function's standard error are kept, to be shown again when it ends. */
const KEPT_LINES = 100;

/** So many of them are shown again, but only if more than `LINES_BETWEEN` other lines followed, to avoid repetition. */
const SHOWN_LINES = 10;
const LINES_BETWEEN = 5;

/** A command is cut to so many characters in the waiting line, because a line that moves must not wrap. */
const MAX_SHOWN = 50;

/** Tells the developer of one function and its proxy. */
export class PodAnnouncer {
  readonly #dependencies: PodAnnouncerDependencies;
  #front: Front = { description: "", routes: [] };
  #lastErrors: string[] = [];
  /** `lines.count` at the last of them. */
  #lastErrorAt = 0;
  #ownLines = new OwnLines();

  constructor(dependencies: PodAnnouncerDependencies) {
    this.#dependencies = dependencies;
  }

  get errorStyle(): Style {
    return this.#dependencies.errorStyle;
  }

  /** The served routes, for the front page of the proxy. */
  get front(): Front {
    return this.#front;
  }

  functionStarts(): void {
    const { settings, screen } = this.#dependencies;
    this.#lastErrors = [];
    this.#ownLines = new OwnLines();
    const { text } = settings.command;
    screen.await(`waiting for ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}`);
  }

  functionLine(line: string, stream: "stdout" | "stderr"): void {
    const { lines, function: source, verbose } = this.#dependencies;
    if (stream === "stdout") return lines.note(source, [line]);
    const shown = verbose ? line : this.#ownLines.of(line);
    if (shown === undefined) return;
    lines.problem(source, [shown]);
    this.#lastErrors.push(shown);
    this.#lastErrorAt = lines.count;
    if (this.#lastErrors.length > KEPT_LINES) this.#lastErrors.shift();
  }

  proxyLine(line: string): void {
    this.#problem([line]);
  }

  request(record: RequestRecord): void {
    this.#note([requestLine(record, this.#dependencies.style)]);
  }

  /** @param link where the trace can be looked at */
  trace(trace: ShownTrace, link: string | undefined): void {
    const { style, columns, lines } = this.#dependencies;
    const all = columns();
    const own = all === undefined ? undefined : all - lines.indent;
    this.#note(traceLines(trace, { style, columns: own, link }));
  }

  /** Announces the services that are served now. */
  spec(spec: UserFunctionSpec, port: number): void {
    const { settings, onServed } = this.#dependencies;
    const routes = httpRoutes(spec).map((route) => ({ ...route, method: route.method.desc }));
    const served = servedRoutes(routes, { host: settings.publicHost, port });
    this.#front = { description: spec.description, routes: served };
    onServed(spec, port);
  }

  refused(): void {
    const { screen, watching } = this.#dependencies;
    screen.await(undefined);
    if (watching) this.#problem(["it is looked at again when a file changes"]);
  }

  news(news: News): void {
    const { settings, pod, style, errorStyle, screen, lines } = this.#dependencies;
    const isFarAbove = lines.count - this.#lastErrorAt > LINES_BETWEEN;
    const facts = {
      command: settings.command.text,
      address: `${pod.functionAddress.host}:${pod.functionAddress.port}`,
      lastErrors: isFarAbove ? usefulLines(this.#lastErrors, SHOWN_LINES) : [],
    };
    if (news.kind === "restarted") return this.#note(newsLines(news, facts, style));
    screen.await(undefined);
    this.#problem(newsLines(news, facts, errorStyle));
  }

  #note(lines: readonly string[]): void {
    this.#dependencies.lines.note(this.#dependencies.proxy, lines);
  }

  #problem(lines: readonly string[]): void {
    this.#dependencies.lines.problem(this.#dependencies.proxy, lines);
  }
}
