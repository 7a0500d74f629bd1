// SPDX-License-Identifier: Apache-2.0

import { mkdirSync } from "node:fs";

import { rowsTable } from "../report.ts";
import type { Row } from "../row.ts";
import type { PodPart } from "./cases.ts";
import { measureClaim } from "./claim.ts";
import { measureIdle } from "./idle.ts";
import { measurePodRows } from "./measure-pod-rows.ts";
import {
  figuresTable,
  forwardCosts,
  forwardTable,
  idleTable,
  podRows,
  throughputTable,
} from "./pods-report.ts";
import { measureRebalance } from "./rebalance.ts";
import type { PodsSettings } from "./settings.ts";

/** Measures several pods that share the entities of a service, part by part, and prints a table of each. */
export async function measurePods(
  settings: PodsSettings,
  parts: readonly PodPart[],
  print: (text: string) => void,
): Promise<readonly Row[]> {
  mkdirSync(settings.folder, { recursive: true });
  const { pods } = settings;
  let rows: readonly Row[] = [];
  if (parts.includes("rows")) {
    const measured = await measurePodRows(settings);
    rows = podRows(measured);
    print(`${rowsTable(rows)}\n`);
    print(`${forwardTable(forwardCosts(measured), measured.sizes)}\n`);
    print(`${throughputTable(measured, pods)}\n`);
  }
  const figures = [
    ...(parts.includes("claim") ? await measureClaim(settings) : []),
    ...(parts.includes("rebalance") ? await measureRebalance(settings) : []),
  ];
  if (figures.length > 0) print(`${figuresTable(figures)}\n`);
  if (parts.includes("idle")) print(`${idleTable(await measureIdle(settings))}\n`);
  return rows;
}
