// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { writeImage } from "../image/archive.ts";
import { openCluster } from "./cluster.ts";
import { runCommand } from "./command.ts";
import { loadImage } from "./load-image.ts";
import { clusterPaths } from "./paths.ts";
import { clusterStatus, statusLines } from "./status.ts";
import { Steps } from "./steps.ts";
import { waitFor } from "./wait.ts";

const OURS = { PERDURE_CLUSTER_DIR: "/cache", PATH: "/usr/bin" };
const GIVEN = { ...OURS, KUBECONFIG: "/home/user/config" };

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "perdure-cluster-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("without KUBECONFIG commands run in our network, with our programs, as administrator", async (t) => {
  for (const env of [OURS, { ...OURS, KUBECONFIG: "" }, { ...OURS, KUBECONFIG: "/cache/run/kubeconfig" }]) {
    const cluster = openCluster(env);
    t.is(cluster.kind, "ours");
    t.deepEqual(cluster.commandLine(["kubectl", "get", "pods"]), {
      argv: ["nsenter", "--net=/var/run/netns/perdure", "kubectl", "get", "pods"],
      env: { KUBECONFIG: "/cache/run/kubeconfig", PATH: "/cache/bin:/usr/bin" },
    });
    t.is((await cluster.gateway()).origin, "http://127.0.0.1:31080");
  }
});

test("with KUBECONFIG commands run as they are", async (t) => {
  const cluster = openCluster({ ...GIVEN, PERDURE_GATEWAY: "http://gateway.example.test:8080" });
  t.is(cluster.kind, "given");
  t.is(cluster.kubeconfig, "/home/user/config");
  t.deepEqual(cluster.commandLine(["kn", "list"]), { argv: ["kn", "list"], env: {} });
  t.is((await cluster.gateway()).host, "gateway.example.test:8080");
});

test("an image gets into a given cluster by the command that is named, and not without", async (t) => {
  const place = folder(t);
  const file = join(place, "image.tar");
  writeFileSync(join(place, "app"), "");
  const files = [{ from: join(place, "app"), to: "/app" }];
  await writeImage({ name: "dev.local/app", files, libraries: false, entrypoint: ["/app"], out: file });
  const cluster = openCluster(GIVEN);
  const paths = clusterPaths(GIVEN);
  await t.throwsAsync(loadImage(cluster, paths, file, GIVEN), { message: /set PERDURE_LOAD_IMAGE/ });
  const command = `printf %s >"${join(place, "loaded")}"`;
  const names = await loadImage(cluster, paths, file, { ...GIVEN, PERDURE_LOAD_IMAGE: command });
  t.deepEqual(names, ["dev.local/app:latest"]);
  t.is(readFileSync(join(place, "loaded"), "utf8"), file);
});

test("Knative is ready when Serving is there and nothing of it is missing", async (t) => {
  const deployment = (namespace: string, name: string, status: string) => ({
    metadata: { namespace, name },
    status: { conditions: [{ type: "Available", status }] },
  });
  const statusOf = (items: readonly object[]) => {
    const answer = { stdout: JSON.stringify({ items }), stderr: "" };
    return clusterStatus({ ...openCluster(GIVEN), run: () => Promise.resolve(answer) }, clusterPaths(GIVEN));
  };
  const controller = deployment("knative-serving", "controller", "True");
  const other = deployment("default", "app", "False");
  const ready = await statusOf([controller, other]);
  t.deepEqual(statusLines(ready), [
    `${"knative-serving/controller".padEnd(48)}available`,
    "Knative Serving is ready",
  ]);
  t.false((await statusOf([controller, deployment("kourier-system", "gateway", "False")])).ready);
  t.false((await statusOf([other])).ready);
});

test("a cluster that does not answer is not ready, and says why", async (t) => {
  const dead = { ...openCluster(GIVEN), run: () => Promise.reject(new Error("connection refused")) };
  const status = await clusterStatus(dead, clusterPaths(GIVEN));
  t.deepEqual(statusLines(status), ["connection refused", "Knative Serving is not ready"]);
});

test("a command that fails says what it wrote, and one that does not end is killed", async (t) => {
  const { stdout } = await runCommand(["cat"], { input: "text" });
  t.is(stdout, "text");
  const failed = await t.throwsAsync(runCommand(["sh", "-c", "echo no such thing >&2; exit 3"]));
  t.is(failed?.message, "sh -c echo no such thing >&2; exit 3 ended with 3\n  no such thing");
  const slow = await t.throwsAsync(runCommand(["sleep", "100"], { timeoutMs: 50 }));
  t.is(slow?.message, "sleep 100 did not end in 0.05 s");
});

test("a wait ends with the answer, or at its bound with the last error", async (t) => {
  let asked = 0;
  const ask = () => (++asked < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve("there"));
  t.is(await waitFor("it", ask, 10_000), "there");
  t.is(asked, 3);
  const error = await t.throwsAsync(waitFor("it", () => Promise.reject(new Error("never")), 0));
  t.is(error?.message, "it: not within 0 s; the last answer was: never");
});

test("what may pass is asked for again, and what will not is told at once", async (t) => {
  const errors = [new Error("webhook is down"), new Error("no such field")];
  const ask = () => Promise.reject(errors.shift() ?? new Error("asked too often"));
  const isDown = (error: unknown) => error instanceof Error && error.message.includes("is down");
  await t.throwsAsync(waitFor("apply", ask, 60_000, isDown), { message: "no such field" });
});

test("each step is a line with its time", async (t) => {
  let nowMs = 0;
  const lines: string[] = [];
  const steps = new Steps(
    (line) => lines.push(line),
    () => nowMs,
  );
  t.is(await steps.run("build kube", () => (nowMs += 61_250)), 61_250);
  nowMs += 1_000;
  steps.total("up");
  t.deepEqual(lines, [`${"build kube".padEnd(44)}   61.3 s`, `${"up".padEnd(44)}   62.3 s`]);
});
