// SPDX-License-Identifier: Apache-2.0

import { findNatsBinary } from "../../test/lib/nats/binary.ts";
import { prepare } from "./prepare.ts";

/** Finds or makes the nats-server that tests start. */
export function prepareNatsServer(say: (text: string) => void, progressMs?: number): Promise<void> {
  const find = async (): Promise<string | undefined> => {
    const binary = await findNatsBinary();
    return binary.kind === "found" ? undefined : binary.reason;
  };
  return prepare(find, say, progressMs);
}
