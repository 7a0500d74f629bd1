// SPDX-License-Identifier: Apache-2.0

/**
 * Tells the developer what happens: prints lines of the functions and of the proxies, each after the name of its
 * source, the served routes, and what is being waited for.
 *
 * 1. `ready http://HOST:PORT` is written once for each proxy, on a line of its own, when callers can call it for the
 *    first time.
 * 2. What is served is written in full before the first such line; later, only what changed.
 * 3. Problems go to standard error, everything else to standard output.
 */

import { httpRoutes } from "../../../pkg/endpoint/mod.ts";
import type { UserFunctionSpec } from "../../../pkg/userfunction/mod.ts";

import { changeLines, generatorLines, servedLines, typeLines } from "./messages.ts";
import type { Source } from "./named-lines.ts";
import { NamedLines } from "./named-lines.ts";
import { PodAnnouncer } from "./pod-announcer.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { Screen } from "./screen.ts";
import type { ServedRoute } from "./served.ts";
import { changesBetween, servedRoutes, unservedNames } from "./served.ts";
import type { DevSettings } from "./settings.ts";
import type { Style } from "./style.ts";
import type { ToolResult } from "./tool.ts";
import type { TypeNews } from "./type-checker.ts";

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

const OWN: Source = { kind: "own", name: "perdure" };

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #lines: NamedLines;
  readonly #ready = new Set<PodSettings>();
  #served: readonly ServedRoute[] | undefined;
  /** Public port that lines to try routes are for. */
  #port = 0;

  constructor(options: AnnouncerOptions) {
    const { pods, project } = options.settings;
    const sources = pods.flatMap((pod) => Object.values(sourcesOf(pod, project.name)));
    this.#options = options;
    this.#lines = new NamedLines({ ...options, names: [OWN, ...sources].map(({ name }) => name) });
  }

  /** Tells of one of several functions and its proxy, or of the only one. */
  of(pod: PodSettings): PodAnnouncer {
    return new PodAnnouncer({
      ...this.#options,
      ...sourcesOf(pod, this.#options.settings.project.name),
      pod,
      lines: this.#lines,
      onServed: (spec, port) => this.#announce(pod, spec, port),
    });
  }

  starting(): void {
    const { screen, settings } = this.#options;
    screen.await(settings.pods.length > 1 ? "starting the proxies" : "starting the proxy");
  }

  /** The proxies listen. @param port that lines to try routes are for */
  listening(port: number): void {
    this.#port = port;
  }

  /** Removes the waiting line. */
  settled(): void {
    this.#options.screen.await(undefined);
  }

  restarting(): void {
    this.#options.screen.await("restarting the function");
  }

  generating(): void {
    this.#options.screen.await("generating code");
  }

  /** @param result of the generator; undefined: there is no generator. */
  generatorProblem(result: ToolResult | undefined): void {
    this.settled();
    this.#problem(generatorLines(result, this.#options.errorStyle));
  }

  types(news: TypeNews): void {
    const { style, errorStyle } = this.#options;
    if (news.kind === "right again") this.#note(typeLines(news, style));
    else this.#problem(typeLines(news, errorStyle));
  }

  /** @param line who owns how many shards */
  owners(line: string): void {
    this.#note([line]);
  }

  /** A function does not serve the code of now, and others have not been restarted for that reason. */
  othersAreLeft(): void {
    this.#problem(["the other functions go on with the code that they have, until a file changes"]);
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

  #announce(pod: PodSettings, spec: UserFunctionSpec, port: number): void {
    const { settings, style, screen } = this.#options;
    const host = settings.publicHost;
    const routes = httpRoutes(spec).map((route) => ({ ...route, method: route.method.desc }));
    const served = servedRoutes(routes, { host, port: this.#port });
    screen.await(undefined);
    if (this.#served === undefined) this.#announceServed(spec, served);
    else this.#note(changeLines(changesBetween(this.#served, served), style));
    this.#served = served;
    if (this.#ready.has(pod)) return;
    this.#ready.add(pod);
    const name = pod.name === undefined ? "" : ` ${pod.name}`;
    screen.line(`${style.good("ready")} ${style.bold(`http://${host}:${port}`)}${name}`);
  }

  #announceServed(spec: UserFunctionSpec, served: readonly ServedRoute[]): void {
    const { screen, style, logText, remarks } = this.#options;
    const unserved = unservedNames(spec.unserved).map((name) => style.warning(name));
    const lines = [
      "",
      style.dim(`${spec.description}; state in ${logText}`),
      ...remarks.map((remark) => style.warning(remark)),
      "",
      ...servedLines(served, style),
      ...(unserved.length === 0 ? [] : [...unserved, ""]),
    ];
    for (const line of lines) screen.line(line);
  }

  #note(lines: readonly string[]): void {
    this.#lines.note(OWN, lines);
  }

  #problem(lines: readonly string[]): void {
    this.#lines.problem(OWN, lines);
  }
}

/** Who writes the lines of a pod: as `shopping-cart` and `perdure`, or, if it is one of several, with its name. */
function sourcesOf({ name }: PodSettings, project: string): Record<"function" | "proxy", Source> {
  if (name === undefined) return { function: { kind: "function", name: project }, proxy: OWN };
  return {
    function: { kind: "function", name: `${name} ${project}` },
    proxy: { kind: "own", name },
  };
}
