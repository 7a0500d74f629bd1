// SPDX-License-Identifier: Apache-2.0

import { delimiter, resolve } from "node:path";

import { GATEWAY_PORT } from "./addresses.ts";
import type { RunCommand } from "./command.ts";
import { runCommand } from "./command.ts";
import { ClusterError } from "./error.ts";
import { inside } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";
import { clusterPaths } from "./paths.ts";

/** A cluster as its users see it: ours, or that of `KUBECONFIG`. */
export interface Cluster {
  /** We build, start and end `ours`; of a `given` one only what we install in it is ours. */
  readonly kind: "ours" | "given";
  readonly kubeconfig: string;
  /** Runs a command (kubectl, kn, curl, …) as administrator, where the addresses of the cluster are reachable. */
  readonly run: RunCommand;
  /** The command line and environment of `run`, for callers that start the command themselves. */
  readonly commandLine: (argv: readonly string[]) => CommandLine;
  /** URL at which Knative's services answer, in plain text. The `Host` header selects the service. */
  readonly gateway: () => Promise<URL>;
}

export interface CommandLine {
  readonly argv: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The cluster that this environment selects. Does not check whether it runs. */
export function openCluster(env: NodeJS.ProcessEnv = process.env): Cluster {
  const paths = clusterPaths(env);
  const given = env["KUBECONFIG"];
  // A command that runs inside our own cluster has the kubeconfig of that one.
  const isOurs = given === undefined || given === "" || resolve(given) === paths.kubeconfig;
  return isOurs ? ourCluster(paths, env) : givenCluster(given, env);
}

function ourCluster(paths: ClusterPaths, env: NodeJS.ProcessEnv): Cluster {
  const path = [paths.bin, env["PATH"] ?? ""].join(delimiter);
  const commandLine = (argv: readonly string[]): CommandLine => ({
    argv: inside(argv),
    env: { KUBECONFIG: paths.kubeconfig, PATH: path },
  });
  return {
    kind: "ours",
    kubeconfig: paths.kubeconfig,
    commandLine,
    run: (argv, options = {}) => {
      const line = commandLine(argv);
      return runCommand(line.argv, { ...options, env: { ...line.env, ...options.env } });
    },
    gateway: () => Promise.resolve(new URL(`http://127.0.0.1:${GATEWAY_PORT}`)),
  };
}

function givenCluster(kubeconfig: string, env: NodeJS.ProcessEnv): Cluster {
  return {
    kind: "given",
    kubeconfig,
    commandLine: (argv) => ({ argv, env: {} }),
    run: runCommand,
    gateway: async () => {
      const named = env["PERDURE_GATEWAY"];
      return new URL(named !== undefined && named !== "" ? named : await askForGateway());
    },
  };
}

async function askForGateway(): Promise<string> {
  const of = (field: string): string => `{.status.loadBalancer.ingress[0].${field}}`;
  const ask = ["kubectl", "get", "service", "kourier", "-n", "kourier-system", "-o"];
  const { stdout } = await runCommand([...ask, `jsonpath=${of("ip")} ${of("hostname")}`]);
  const [host] = stdout.trim().split(" ");
  if (host) return `http://${host}`;
  const text = "Kourier has no address outside of the cluster; set PERDURE_GATEWAY to its URL";
  throw new ClusterError("NOT_READY", text);
}
