// SPDX-License-Identifier: Apache-2.0

/** Kubernetes with Knative on this machine, for tests: `node hack/cluster/main.ts --help`. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { Command, InvalidArgumentError } from "commander";

import { withFileLock } from "../../test/lib/file-lock.ts";
import { openCluster } from "./cluster.ts";
import { stop } from "./down.ts";
import { LOAD_COMMAND, loadImage } from "./load-image.ts";
import { requireRoot } from "./machine.ts";
import { clusterPaths } from "./paths.ts";
import type { Extra } from "./programs.ts";
import { EXTRAS } from "./programs.ts";
import { clusterStatus, statusLines } from "./status.ts";
import { Steps } from "./steps.ts";
import { prepare, start } from "./up.ts";

const FAILED = 1;
const WRONG_USAGE = 2;
const NOT_READY = 3;

const HELP = `
Without KUBECONFIG the cluster is built from source (once, about ten minutes) and runs on this machine, as root, in a
network namespace of its own: no port of the machine is taken, and nothing outside is reached. With KUBECONFIG that
cluster is used as it is: up and status look whether Knative Serving is ready there, down does nothing.

Variables:
  KUBECONFIG            a cluster with Knative Serving that is to be used instead
  ${LOAD_COMMAND}    with KUBECONFIG: the command that gives an image archive to the cluster; the name of the file is
                        added to it ("kind load image-archive")
  PERDURE_GATEWAY       with KUBECONFIG: URL of the ingress, if it is not the address of Kourier's load balancer
  PERDURE_CLUSTER_DIR   where programs, images and state are kept; default perdure/cluster in the user's cache folder

Examples:
  npm run cluster -- up
  npm run cluster -- exec kn service create hello --image dev.local/hello:1
  npm run cluster -- exec curl -H "Host: hello.default.example.test" http://127.0.0.1:31080
  npm run cluster -- load-image app.tar
  npm run cluster -- down --wipe

Exit code: 0 done, 1 something failed, 2 wrong usage, 3 Knative Serving is not ready; of exec, that of the command.
`;

const paths = clusterPaths();
const cluster = openCluster();

const program = new Command("cluster")
  .description("Kubernetes with Knative Serving and Kourier, for tests and for trying things out.")
  .addHelpText("after", HELP)
  // Options after the name of a command that `exec` runs belong to that command.
  .enablePositionalOptions()
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE));

program
  .command("up")
  .description("builds what is missing, starts what does not run, and waits until all is ready")
  .option("--with <parts>", `more parts, separated by commas: ${EXTRAS.join(", ")}`, extras, [])
  .action(({ with: wanted }: { readonly with: readonly Extra[] }) => exclusively(() => up(wanted)));

program
  .command("down")
  .description("ends all that was started")
  .option("--wipe", "forgets all that is in the cluster as well; programs and images stay")
  .action(({ wipe = false }: { readonly wipe?: boolean }) => exclusively(() => down(wipe)));

program.command("status").description("says what runs, and whether Knative Serving is ready").action(status);

program
  .command("load-image")
  .description("makes an image known to the cluster: an OCI image archive, as docker save writes it")
  .argument("<file>", "the archive")
  .action(async (file: string) => {
    for (const name of await loadImage(cluster, paths, file)) console.log(name);
  });

program
  .command("exec")
  .description("runs a command where the cluster's addresses mean something, as its administrator")
  .argument("<command...>", "the command, with its arguments")
  .passThroughOptions()
  .allowUnknownOption()
  .action(exec);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`cluster: ${(error as Error).message}\n`);
  process.exitCode = FAILED;
}

async function up(wanted: readonly Extra[]): Promise<void> {
  if (cluster.kind === "given") return status();
  const steps = new Steps();
  await prepare(paths, wanted, steps);
  const startSteps = new Steps();
  await start(paths, wanted, startSteps);
  startSteps.total("up");
  console.log(`gateway ${(await cluster.gateway()).origin}, inside; kubeconfig ${cluster.kubeconfig}`);
}

async function down(wipe: boolean): Promise<void> {
  if (cluster.kind === "given") return console.log("the cluster of KUBECONFIG is left as it is");
  requireRoot();
  const steps = new Steps();
  await stop(paths, wipe, steps);
  steps.total("down");
}

async function status(): Promise<void> {
  const current = await clusterStatus(cluster, paths);
  for (const line of statusLines(current)) console.log(line);
  if (!current.ready) process.exitCode = NOT_READY;
}

async function exec(argv: readonly string[]): Promise<void> {
  const line = cluster.commandLine(argv);
  const [command = "", ...args] = line.argv;
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...line.env } });
  // Ignored here, because Ctrl-C also reaches the command, which decides when to end.
  process.on("SIGINT", () => {});
  const [code] = (await once(child, "exit")) as [number | null];
  process.exitCode = code ?? FAILED;
}

/** Under a lock, because two processes that start or end the cluster would undo each other's work. */
async function exclusively(work: () => Promise<void>): Promise<void> {
  const root = dirname(paths.run);
  mkdirSync(root, { recursive: true });
  await withFileLock(join(root, "lock"), work);
}

function extras(text: string): Extra[] {
  const names = text.split(",");
  const chosen = EXTRAS.filter((extra) => names.includes(extra));
  if (chosen.length === names.length) return chosen;
  throw new InvalidArgumentError(`These can be named: ${EXTRAS.join(", ")}.`);
}
