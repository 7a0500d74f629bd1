// SPDX-License-Identifier: Apache-2.0
// On a cluster without Perdure, which it leaves as it was.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { cluster, kubectl } from "../lib/command-line.ts";
import { follow } from "../lib/document.ts";

const EXAMPLE = join(
  import.meta.dirname,
  "..",
  "..",
  "..",
  "..",
  "docs",
  "install-example",
  "kustomization.yaml",
);
const MAX_LINES = 30;

test.serial(
  "docs/install.md: from an empty cluster to a stateful service with three NATS servers",
  async (t) => {
    t.teardown(async () => {
      await cluster.run(["kubectl", "delete", "ksvc", "--all", "--ignore-not-found"]);
      await cluster.run(["kubectl", "delete", "namespace", "perdure-system", "--ignore-not-found"]);
    });
    t.true(readFileSync(EXAMPLE, "utf8").trimEnd().split("\n").length <= MAX_LINES);
    const said = await follow("docs/install.md");
    t.regex(said, /services\.webhook\.perdure\.dev pods\.webhook\.perdure\.dev/);
    t.regex(said, /Service 'try' created/);
    t.regex(said, /^user-container queue-proxy perdure-proxy$/m);
    t.is(
      await kubectl(
        "get",
        "mutatingwebhookconfigurations,clusterroles",
        "-o",
        "name",
        "-l",
        "app.kubernetes.io/name=perdure",
      ),
      "",
    );
  },
);

test.serial("docs/tutorial.md: each command does what the page says", async (t) => {
  const said = await follow("docs/tutorial.md");
  const carts = [...said.matchAll(/^\{"items":(.*)\}$/gm)].map(([, items]) => items);
  const pen = { productId: "p1", name: "Pen", quantity: 2 };
  const ink = { productId: "p2", name: "Ink", quantity: 1 };
  t.deepEqual(
    carts.map((items = "") => JSON.parse(items) as unknown),
    [[pen], [pen], [pen, ink], [pen, ink]],
  );
  t.regex(said, /"message":"Cannot add a quantity of 0 of item p1",.* 400$/m);
  t.regex(said, /user-container,queue-proxy,perdure-proxy/);
  t.regex(said, /perdure\.dev\/effective-durability=relaxed \(config-perdure\)/);
  t.regex(said, /"message":"user function found"/);
});
