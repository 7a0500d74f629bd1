// SPDX-License-Identifier: Apache-2.0

import type { TestFn } from "ava";
import test from "ava";

import { findNatsBinary } from "./binary.ts";

const binary = await findNatsBinary();
if (binary.kind === "missing") console.log(`tests with NATS skipped: ${binary.reason}`);

/** AVA's `test` for tests that start a nats-server: skipped, with one line that says why, where there is none. */
export const natsTest: TestFn | TestFn["skip"] = binary.kind === "found" ? test : test.skip;

/** The same for tests that run one after the other. */
export const natsSerialTest: TestFn | TestFn["skip"] =
  binary.kind === "found" ? test.serial : test.serial.skip;
