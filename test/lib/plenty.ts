// SPDX-License-Identifier: Apache-2.0

import { Account } from "../../pkg/base/mod.ts";

/** Memory that a test does not use up, in bytes. */
export function plenty(): Account {
  return new Account(1e12);
}
