// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

/** A program that is bundled and put into an image. */
export interface Program {
  /** The folder of its project. */
  readonly root: string;
  /** The source file that starts it, from `root`. */
  readonly entry: string;
  /** The image's name on a cluster for development. */
  readonly image: string;
  /** How it is run once when its image is made. */
  readonly trial: Trial;
}

/** A short run of a program without the programs that it works with. */
export type Trial =
  /** It runs until it writes `text`, and then gets SIGTERM. */
  | { readonly kind: "says"; readonly text: string; readonly env: Readonly<Record<string, string>> }
  /** A user function: it runs until it listens on `PORT`, and then gets SIGTERM. */
  | { readonly kind: "listens" }
  /** It ends by itself. */
  | { readonly kind: "ends"; readonly args: readonly string[] };

const ROOT = join(import.meta.dirname, "..", "..");

const PROXY: Program = {
  root: ROOT,
  entry: "cmd/proxy/bundled.ts",
  image: "dev.local/perdure-proxy:dev",
  trial: {
    kind: "says",
    text: "listening",
    env: {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      PERDURE_LOG: "memory:",
    },
  },
};

const WEBHOOK: Program = {
  root: ROOT,
  entry: "cmd/webhook/main.ts",
  image: "dev.local/perdure-webhook:dev",
  trial: { kind: "ends", args: ["--help"] },
};

/** By the name that the command lines take. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  proxy: PROXY,
  webhook: WEBHOOK,
  "shopping-cart": sample("shopping-cart"),
  "value-cart": sample("value-cart"),
  "action-pipeline": sample("action-pipeline"),
};

/** @throws Error if there is none of this name. */
export function programOf(name: string): Program {
  const program = PROGRAMS[name];
  if (program === undefined)
    throw new Error(`there is no program ${name}: ${Object.keys(PROGRAMS).join(", ")}`);
  return program;
}

function sample(name: string): Program {
  return functionProgram(ROOT, `samples/${name}/main.ts`, name);
}

export function functionProgram(root: string, entry: string, name: string): Program {
  // The name has no tag, so that Kubernetes pulls the image at each start: a developer may push it again and again.
  return { root, entry, image: `dev.local/${name}`, trial: { kind: "listens" } };
}
