// SPDX-License-Identifier: Apache-2.0

/**
 * The programs of the cluster, built from their Go modules into the cache.
 *
 * 1. A program is built again when its module's `go.mod` or `go.sum`, or its own source here, has changed.
 * 2. A program in the folder is always complete, because it is built under another name and then renamed.
 */

import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { runCommand } from "./command.ts";
import type { ClusterPaths } from "./paths.ts";
import { attempt } from "./processes.ts";
import type { Steps } from "./steps.ts";

/** An optional part of the cluster. */
export type Extra = "eventing" | "jaeger";

export const EXTRAS: readonly Extra[] = ["eventing", "jaeger"];

interface Program {
  readonly name: string;
  /** The folder under `go/`. */
  readonly module: "all" | "kn" | "jaeger";
  /** As `go build` takes it. */
  readonly package: string;
  /** Variables that the linker sets, as `importpath.name=value`. */
  readonly variables?: readonly string[];
  readonly extra?: Extra;
}

const GO = join(import.meta.dirname, "go");
/** On two cores the slowest takes five minutes, the download of its modules included. */
const BUILD_TIMEOUT_MS = 1_800_000;

const KUBERNETES_MINOR = "35";
const KUBERNETES_PATCH = "4";

/** The programs in the binary `kube`. It acts as the one by whose name it is called. */
const KUBE_NAMES = "apiserver controller-manager proxy scheduler".split(" ").map((name) => `kube-${name}`);

const SERVING = "controller activator autoscaler webhook queue";
const EVENTING =
  "controller webhook mtchannel_broker broker/ingress broker/filter " +
  "in_memory/channel_controller in_memory/channel_dispatcher";

const JAEGER: Program = {
  name: "jaeger",
  module: "jaeger",
  package: "github.com/jaegertracing/jaeger/cmd/jaeger",
  extra: "jaeger",
};

const PROGRAMS: readonly Program[] = [
  {
    name: "kube",
    module: "all",
    package: "./kube",
    variables: [
      `gitVersion=v1.${KUBERNETES_MINOR}.${KUBERNETES_PATCH}`,
      "gitMajor=1",
      `gitMinor=${KUBERNETES_MINOR}`,
      "gitCommit=0",
      "gitTreeState=clean",
    ].map((variable) => `k8s.io/component-base/version.${variable}`),
  },
  ...programs("", "./", "etcd coredns pause hello"),
  ...programs("serving-", "knative.dev/serving/cmd/", SERVING),
  { name: "kourier", module: "all", package: "knative.dev/net-kourier/cmd/kourier" },
  { name: "nats-server", module: "all", package: "github.com/nats-io/nats-server/v2" },
  { name: "kn", module: "kn", package: "knative.dev/client/cmd/kn" },
  ...programs("eventing-", "knative.dev/eventing/cmd/", EVENTING, "eventing"),
  JAEGER,
];

/** All programs of a cluster with these parts. */
export function programsWith(extras: readonly Extra[]): readonly Program[] {
  return PROGRAMS.filter(({ extra }) => extra === undefined || extras.includes(extra));
}

/** Builds what is missing. */
export async function buildPrograms(
  paths: ClusterPaths,
  extras: readonly Extra[],
  steps: Steps,
): Promise<void> {
  await buildMissing(paths, programsWith(extras), steps);
  for (const name of [...KUBE_NAMES, "kubectl", "kubelet"]) {
    if (!existsSync(join(paths.bin, name))) symlinkSync("kube", join(paths.bin, name));
  }
}

/** Builds Jaeger if it is missing, and returns its path: tests run it without a cluster too. */
export async function buildJaeger(paths: ClusterPaths, steps: Steps): Promise<string> {
  await buildMissing(paths, [JAEGER], steps);
  return join(paths.bin, JAEGER.name);
}

/** One program after the other, because each of them keeps all cores busy. */
async function buildMissing(paths: ClusterPaths, wanted: readonly Program[], steps: Steps): Promise<void> {
  mkdirSync(paths.bin, { recursive: true });
  const missing = wanted.filter((program) => !isBuilt(paths, program));
  if (missing.length > 0) {
    const time = missing.length > 10 ? ", which takes about ten minutes" : "";
    steps.say(`${missing.length} programs to build${time}; kept in ${paths.bin}`);
  }
  for (const program of missing) await steps.run(`build ${program.name}`, () => build(paths, program));
}

async function build(paths: ClusterPaths, program: Program): Promise<void> {
  const target = join(paths.bin, program.name);
  const aside = `${target}.part`;
  const flags = ["-s", "-w", ...(program.variables ?? []).flatMap((variable) => ["-X", variable])];
  await runCommand(["go", "build", "-o", aside, "-ldflags", flags.join(" "), program.package], {
    cwd: join(GO, program.module),
    env: { ...GO_ENVIRONMENT, CGO_ENABLED: "0" },
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  renameSync(aside, target);
  writeFileSync(`${target}.inputs`, inputsOf(program));
}

/** The folder of a module in Go's module cache, downloaded if it is not there. */
export async function moduleFolder(path: string): Promise<string> {
  const options = { cwd: join(GO, "all"), env: GO_ENVIRONMENT, timeoutMs: BUILD_TIMEOUT_MS };
  const { stdout } = await runCommand(["go", "mod", "download", "-json", path], options);
  return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
}

/** A text that stands for the versions of all modules. Files made from the modules are up to date if they carry it. */
export function moduleVersions(): string {
  return digest(join(GO, "all"), ["go.mod", "go.sum"]);
}

/** Builds change nothing in `go.mod`, write no version control data into programs, and ignore any `go.work`. */
const GO_ENVIRONMENT = { GOFLAGS: "-mod=readonly -buildvcs=false", GOWORK: "off" };

function isBuilt(paths: ClusterPaths, program: Program): boolean {
  const target = join(paths.bin, program.name);
  const inputs = attempt(() => readFileSync(`${target}.inputs`, "utf8"));
  return existsSync(target) && inputs === inputsOf(program);
}

function inputsOf(program: Program): string {
  const module = join(GO, program.module);
  const own = globSync(`${program.package}/*.go`, { cwd: module });
  return `${digest(module, ["go.mod", "go.sum", ...own])} ${program.package} ${(program.variables ?? []).join(" ")}`;
}

function digest(folder: string, files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

function programs(prefix: string, folder: string, paths: string, extra?: Extra): Program[] {
  return paths.split(" ").map((path) => ({
    name: prefix + path.replaceAll("/", "-"),
    module: "all",
    package: folder + path,
    ...(extra !== undefined && { extra }),
  }));
}
