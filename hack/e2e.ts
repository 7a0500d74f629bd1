// SPDX-License-Identifier: Apache-2.0

/**
 * The end-to-end tests, of the packages, with Jaeger, and on Kubernetes with Knative: `npm run e2e`, `--help` for the
 * options.
 */

import { join } from "node:path";

import { Command } from "commander";

import type { Cluster } from "./cluster/cluster.ts";
import { openCluster } from "./cluster/cluster.ts";
import { loadImage } from "./cluster/load-image.ts";
import { requireMachine } from "./cluster/machine.ts";
import { clusterPaths } from "./cluster/paths.ts";
import { buildJaeger } from "./cluster/programs.ts";
import { Steps } from "./cluster/steps.ts";
import { report, runTests } from "./verify/run-tests.ts";
import { runStep, toolEnvironment } from "./verify/step.ts";
import type { Counts } from "./verify/summary.ts";
import { add, NOTHING, summaryLine } from "./verify/summary.ts";

const ROOT = join(import.meta.dirname, "..");

/** Programs whose images the tests use. */
const IMAGES = ["proxy", "webhook", "shopping-cart", "action-pipeline"] as const;

/** These need no cluster: the first npm's registry, the second a Jaeger of its own. */
const PACKAGES = "test/e2e/packages/";
const TRACES = "test/e2e/traces/";

/** These install Perdure themselves, as the documents say, and remove it. */
const ON_AN_EMPTY_CLUSTER = "test/e2e/cluster/empty/*.test.ts";
const ON_PERDURE = "test/e2e/cluster/*.test.ts";

const CONFIG = ["--config", "e2e.config.js"] as const;

const WRONG_USAGE = 2;
const SKIPPED = 3;
const INSTALL_TIMEOUT_MS = 180_000;

const HELP = `
Tests the packages, outside of the repository, and that traces arrive in a Jaeger. Then brings the cluster of hack/cluster
up, installs Perdure with images of this checkout, runs the tests and takes the cluster down with all that was in it. Jaeger
and the cluster are built first, where that was never done. With KUBECONFIG that cluster is used, and left up.

Exit code: 0 all passed, 1 something failed, 2 wrong usage, 3 only tests on a cluster were wanted, and this machine cannot have
one, so nothing was tested.
`;

const program = new Command("e2e")
  .description("End-to-end tests of the packages, with Jaeger, and on Kubernetes with Knative.")
  .argument("[globs...]", "test files; default: all")
  .option(
    "--keep",
    "uses the cluster if it is up already, and leaves it up, for a look at it or for the next run",
  )
  .addHelpText("after", HELP)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE))
  .parse();
await main(program.args, program.opts<{ readonly keep?: boolean }>().keep ?? false);

async function main(globs: readonly string[], keep: boolean): Promise<void> {
  const steps = new Steps();
  const packages = ofFolder(PACKAGES, globs);
  const traces = ofFolder(TRACES, globs);
  const onCluster = globs.filter((glob) => ![PACKAGES, TRACES].some((folder) => glob.startsWith(folder)));
  const counts: Counts[] = [];
  if (packages.length > 0)
    counts.push(await steps.run("tests of the packages", () => runTests(ROOT, [...CONFIG, ...packages])));
  if (traces.length > 0) counts.push(await testTraces(traces, steps));
  if (globs.length === 0 || onCluster.length > 0)
    counts.push(...(await testsOnCluster(onCluster, keep, steps)));
  if (counts.length === 0) {
    process.exitCode = SKIPPED;
    return;
  }
  const all = counts.reduce(add);
  steps.total("e2e");
  console.log(summaryLine(all));
  if (all.failed > 0) process.exitCode = 1;
}

/** The wanted tests of a folder: all, if none of any folder was named. */
function ofFolder(folder: string, globs: readonly string[]): string[] {
  return globs.length > 0 ? globs.filter((glob) => glob.startsWith(folder)) : [`${folder}*.test.ts`];
}

/** Jaeger is built before, because a test that is silent for minutes looks as if it hung. */
async function testTraces(globs: readonly string[], steps: Steps): Promise<Counts> {
  try {
    await buildJaeger(clusterPaths(), steps);
  } catch (error) {
    console.log((error as Error).message);
    return { ...NOTHING, failed: 1 };
  }
  return steps.run("tests with Jaeger", () => runTests(ROOT, [...CONFIG, ...globs]));
}

/** Prints the reason and returns an empty list if this machine cannot run a cluster. */
async function testsOnCluster(globs: readonly string[], keep: boolean, steps: Steps): Promise<Counts[]> {
  const cluster = openCluster(toolEnvironment(ROOT));
  let counts: Counts = { ...NOTHING, failed: 1 };
  try {
    if (cluster.kind === "ours") await requireMachine();
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`);
    return [];
  }
  try {
    // An earlier run may have been killed in its middle. What it left in the cluster would fail the tests of this one.
    if (!keep) await clusterProgram("down", "--wipe");
    await steps.run("cluster", () => clusterProgram("up", "--with", "jaeger"));
    await steps.run("images", () => makeImages(cluster));
    counts = globs.length > 0 ? await someTests(cluster, globs, steps) : await allTests(cluster, steps);
  } catch (error) {
    console.log((error as Error).message);
  } finally {
    if (!keep) await steps.run("down", () => clusterProgram("down", "--wipe"));
  }
  return [counts];
}

async function allTests(cluster: Cluster, steps: Steps): Promise<Counts> {
  await steps.run("removing what is left", () => uninstall(cluster));
  const first = await steps.run("tests of the documents", () => test(cluster, [ON_AN_EMPTY_CLUSTER]));
  return add(first, await someTests(cluster, [ON_PERDURE], steps));
}

async function someTests(cluster: Cluster, globs: readonly string[], steps: Steps): Promise<Counts> {
  await steps.run("Perdure and NATS", () => install(cluster));
  return steps.run("tests", () => test(cluster, globs));
}

/** Removes what an earlier run installed on a cluster that was kept. */
async function uninstall(cluster: Cluster): Promise<void> {
  const remove = ["kubectl", "delete", "-k", join(ROOT, "config", "dev"), "--ignore-not-found"];
  await cluster.run(remove, { timeoutMs: INSTALL_TIMEOUT_MS });
}

async function makeImages(cluster: Cluster): Promise<void> {
  for (const name of IMAGES) {
    await tool(`image ${name}`, "hack/image/main.ts", name);
    await loadImage(cluster, clusterPaths(), join(ROOT, "build", "image", `${name}.tar`));
  }
}

async function install(cluster: Cluster): Promise<void> {
  await cluster.run(["kubectl", "apply", "-k", join(ROOT, "config", "dev")]);
  // Restarted, because a webhook of an earlier run may still run another image of the same name.
  await cluster.run(["kubectl", "-n", "perdure-system", "rollout", "restart", "deployment/webhook"]);
  for (const what of ["deployment/webhook", "statefulset/nats"]) {
    const wait = ["kubectl", "-n", "perdure-system", "rollout", "status", what, "--timeout=150s"];
    await cluster.run(wait, { timeoutMs: INSTALL_TIMEOUT_MS });
  }
}

function test(cluster: Cluster, globs: readonly string[]): Promise<Counts> {
  return runTests(ROOT, [...CONFIG, ...globs], cluster.commandLine([process.execPath]));
}

/** Shows the program's output as it comes, because the first `up` takes ten minutes. */
async function clusterProgram(...args: readonly string[]): Promise<void> {
  const step = { name: "cluster", command: process.execPath, args: ["hack/cluster/main.ts", ...args] };
  const { passed } = await runStep(step, ROOT, (chunk) => process.stdout.write(chunk));
  if (!passed) throw new Error(`the cluster does not go ${args[0]}`);
}

/** Runs one of our own programs. Rejects with its output if it fails. */
async function tool(name: string, ...args: readonly string[]): Promise<void> {
  const { passed, output, durationMs } = await runStep({ name, command: process.execPath, args }, ROOT);
  report(name, passed, durationMs);
  if (!passed) throw new Error(output.trim());
}
