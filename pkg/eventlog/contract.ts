// SPDX-License-Identifier: Apache-2.0

import type { TestFn } from "ava";

import { appendCases } from "./contract/append-cases.ts";
import { checkpointCases } from "./contract/checkpoint-cases.ts";
import type { ContractCase, OpenLogUnderTest } from "./contract/harness.ts";
import { runCase } from "./contract/harness.ts";
import { healthCases } from "./contract/health-cases.ts";
import { iterateCases } from "./contract/iterate-cases.ts";
import { modelCase } from "./contract/model-case.ts";
import { packCases } from "./contract/pack-cases.ts";
import { readCases } from "./contract/read-cases.ts";
import { replaceCases } from "./contract/replace-cases.ts";
import { snapshotCases } from "./contract/snapshot-cases.ts";

export type { ContractCase, LogUnderTest, OpenLogUnderTest, Trouble } from "./contract/harness.ts";
export { runCase } from "./contract/harness.ts";

/** The cases for all clauses of `event-log.ts`. `contract.test.ts` shows that each kind of broken log fails one. */
export const contractCases: readonly ContractCase[] = [
  ...appendCases,
  ...readCases,
  ...packCases,
  ...snapshotCases,
  ...replaceCases,
  ...iterateCases,
  ...checkpointCases,
  ...healthCases,
  modelCase,
];

/** Registers the contract for one implementation. For tests only. */
export function eventLogContract(test: TestFn | TestFn["skip"], name: string, open: OpenLogUnderTest): void {
  for (const contractCase of contractCases) {
    test(`${name}: ${contractCase.title}`, async (t) => {
      const leaveOut = (missing: string) => t.log(`left out, because this log gives no \`${missing}\``);
      await t.notThrowsAsync(() => runCase(contractCase, open, leaveOut));
    });
  }
}
