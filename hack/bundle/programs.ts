// SPDX-License-Identifier: Apache-2.0

/** A program that is bundled and put into an image. */
export interface Program {
  /** From the root of the repository. */
  readonly entry: string;
  /** The image's name on a cluster for development. */
  readonly image: string;
  /** How it is run once when its image is made. */
  readonly trial: Trial;
}

/** A run of a program with nothing around it, that ends soon. */
export interface Trial {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it writes when it is up, and can be told to end. Undefined: it ends by itself. */
  readonly up: string | undefined;
}

const PROXY: Program = {
  entry: "cmd/proxy/bundled.ts",
  image: "dev.local/perdure-proxy:dev",
  trial: {
    args: [],
    env: {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      PERDURE_LOG: "memory:",
    },
    up: "listening",
  },
};

const WEBHOOK: Program = {
  entry: "cmd/webhook/main.ts",
  image: "dev.local/perdure-webhook:dev",
  trial: { args: ["--help"], env: {}, up: undefined },
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
  const trial = { args: [], env: { PORT: "0" }, up: "serves its proxy" };
  // Without a tag Kubernetes pulls it at each start, as it does what a developer pushes again and again.
  return { entry: `samples/${name}/main.ts`, image: `dev.local/${name}`, trial };
}
