// SPDX-License-Identifier: Apache-2.0

/** Writes the dashboards, and the rules for the Prometheus Operator, into `config/monitoring`, from this folder. */

import { writeFileSync } from "node:fs";

import { writtenFiles } from "./written-files.ts";

for (const { path, text } of writtenFiles()) writeFileSync(path, text);
