// SPDX-License-Identifier: Apache-2.0

import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** The result of `docker build`, as far as it consists of files of the context. */
export interface BuiltFolder {
  /** The folder that is the root of the last stage. */
  readonly root: string;
  /** The working folder inside the root. */
  readonly workingFolder: string;
  readonly entrypoint: readonly string[];
}

interface Stage {
  readonly root: string;
  workingFolder: string;
}

/**
 * Follows a Dockerfile without Docker. Each stage is a folder, in which its commands run with the Node of this
 * machine. Of a base image only its `node` can be copied. Rejects for any instruction that is not supported.
 *
 * @param node stands for `/usr/local/bin/node` of `node:24…`.
 * @param run runs a command in a folder.
 */
export async function followDockerfile(
  context: string,
  work: string,
  node: string,
  run: (command: string, folder: string) => Promise<void>,
): Promise<BuiltFolder> {
  const text = readFileSync(join(context, "Dockerfile"), "utf8");
  const ignored = readFileSync(join(context, ".dockerignore"), "utf8").split("\n").filter(Boolean);
  const stages = new Map<string, Stage>();
  let stage: Stage = { root: "", workingFolder: "/" };
  let entrypoint: readonly string[] = [];
  const place = (path: string): string =>
    join(stage.root, path.startsWith("/") ? "" : stage.workingFolder, path);
  for (const line of text.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    const [instruction = "", ...words] = line.split(" ");
    const rest = words.join(" ");
    switch (instruction) {
      case "FROM": {
        const [base = "", , name = String(stages.size)] = words;
        stage = { root: join(work, name), workingFolder: "/" };
        stages.set(name, stage);
        mkdirSync(stage.root, { recursive: true });
        if (base.startsWith("node:24")) copyInto(node, place("/usr/local/bin/node"));
        break;
      }
      case "WORKDIR":
        stage.workingFolder = rest;
        mkdirSync(place("."), { recursive: true });
        break;
      case "COPY": {
        const [, from] = /^--from=(\w+)$/.exec(words[0] ?? "") ?? [];
        const [source = "", target = ""] = from === undefined ? words : words.slice(1);
        const root = from === undefined ? context : (stages.get(from)?.root ?? "");
        const filter = (path: string): boolean =>
          from !== undefined || !ignored.includes(relative(context, path));
        cpSync(join(root, source), place(target), { recursive: true, filter });
        break;
      }
      case "RUN":
        await run(rest, place("."));
        break;
      case "ENTRYPOINT":
        entrypoint = JSON.parse(rest) as readonly string[];
        break;
      case "USER":
        break;
      default:
        throw new Error(`nobody follows ${line}`);
    }
  }
  return { root: stage.root, workingFolder: place("."), entrypoint };
}

function copyInto(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}
