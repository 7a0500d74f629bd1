// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";
import { styleText } from "node:util";

import { startProxyProcess } from "../../lib/processes.ts";
import { Scope } from "../../lib/scope.ts";
import { GROUPS } from "../cases/all.ts";
import { serveModel } from "../model/serve-model.ts";
import { offeredOnly } from "../suite/offered-only.ts";
import type { SideOptions } from "../suite/open-sides.ts";
import { NotThereError, openProxySide, openServiceSide } from "../suite/open-sides.ts";
import type { Result, Runnable, Sides } from "../suite/run-cases.ts";
import { runCases, runnable } from "../suite/run-cases.ts";
import { Interceptor } from "../wire/interceptor.ts";
import type { TckOptions } from "./options.ts";
import type { Paint } from "./report.ts";
import { countResults, resultLines, summaryLine } from "./report.ts";

const EXIT_PASSED = 0;
const EXIT_FAILED = 1;
const EXIT_NOTHING = 2;

const LOOPBACK = "127.0.0.1";

/** Colours if the output is a terminal. */
const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout });

export function listCases(options: TckOptions): void {
  for (const [group, cases] of Map.groupBy(chosenCases(options), (one) => one.group)) {
    console.log([group, ...cases.map(({ name }) => `  ${name}`)].join("\n"));
  }
}

/** Runs the chosen cases on what is to be tested. Gives the exit code. */
export async function runSuite(options: TckOptions): Promise<number> {
  const cases = chosenCases(options);
  if (cases.length === 0) return nothing("no case has this in its group or name; --list shows them");
  await using scope = new Scope();
  const results: Result[] = [];
  try {
    const sides = await openSides(scope, options, cases);
    for await (const result of runCases(cases, sides)) {
      if (result.group !== results.at(-1)?.group) console.log(`\n${paint("bold", result.group)}`);
      for (const line of resultLines(result, paint)) console.log(line);
      results.push(result);
    }
  } catch (error) {
    if (error instanceof NotThereError) return nothing(error.message);
    throw error;
  }
  const counts = countResults(results);
  console.log(`\n${summaryLine(counts)}`);
  if (counts.failed > 0) return EXIT_FAILED;
  return counts.passed > 0 ? EXIT_PASSED : nothing("none of the model services is served");
}

function chosenCases({ filters, service, proxy }: TckOptions): Runnable[] {
  const onlyService = service !== undefined && proxy === undefined;
  const onlyProxy = service === undefined && proxy !== undefined;
  return runnable(GROUPS).filter(({ group, name, half }) => {
    if (half === "proxy" ? onlyService : onlyProxy) return false;
    const text = `${group}: ${name}`.toLowerCase();
    return filters.length === 0 || filters.some((filter) => text.includes(filter));
  });
}

/** Connects to the programs that the cases need, or starts them. */
async function openSides(scope: Scope, options: TckOptions, cases: readonly Runnable[]): Promise<Sides> {
  const needed = new Set(cases.map(({ half }) => half));
  const { withinMs, startWithinMs } = options;
  const sideOptions = { withinMs, startWithinMs, run: randomBytes(4).toString("hex") };
  const service = options.service ?? (await startModel(scope));
  const serviceSide = await openServiceSide(service, sideOptions);
  scope.teardown(() => serviceSide[Symbol.dispose]());
  const proxy = needed.has("proxy") ? await openProxy(scope, options, service, sideOptions) : undefined;
  return { service: serviceSide, proxy };
}

async function openProxy(
  scope: Scope,
  { proxy, interceptorHost, interceptorPort }: TckOptions,
  service: string,
  sideOptions: SideOptions,
): Promise<Sides["proxy"]> {
  const isOwn = proxy === undefined;
  const place = isOwn
    ? { host: LOOPBACK, port: 0, service }
    : { host: interceptorHost, port: interceptorPort, service, tamper: offeredOnly() };
  const { host, port } = place;
  const interceptor = await Interceptor.listen(place).catch((error: unknown) => {
    throw new NotThereError(`cannot listen on ${host}:${port}: ${(error as Error).message}`, {
      cause: error,
    });
  });
  scope.teardown(() => interceptor.close());
  if (!isOwn)
    console.log(`waiting for a proxy at ${proxy}, whose user function is at port ${interceptor.port}`);
  const address = proxy ?? (await startOwnProxy(scope, interceptor.port));
  const side = await openProxySide(address, interceptor, sideOptions);
  scope.teardown(() => side[Symbol.dispose]());
  return side;
}

/** Serves the model services with our SDK, in this process. */
async function startModel(scope: Scope): Promise<string> {
  const { port, close } = await serveModel({ host: LOOPBACK, port: 0, handleSignals: false });
  scope.teardown(() => close());
  return `${LOOPBACK}:${port}`;
}

async function startOwnProxy(scope: Scope, userFunctionPort: number): Promise<string> {
  const env = { PERDURE_LOG: "memory:", USER_FUNCTION_PORT: userFunctionPort };
  const { port } = await startProxyProcess(scope, env);
  return `${LOOPBACK}:${port}`;
}

function nothing(why: string): number {
  process.stderr.write(`perdure-tck: ${why}\n`);
  return EXIT_NOTHING;
}
