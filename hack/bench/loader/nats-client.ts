// SPDX-License-Identifier: Apache-2.0

import { connect } from "@nats-io/transport-node";

import type { MessageSizes } from "./job.ts";
import type { Client } from "./run.ts";

/** Long, because the machine may be busy, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** Where requests are answered with so many bytes, by the program `nats-echo.ts` of this number. */
export function echoSubject(program: number, answerBytes: number | "*"): string {
  return `perdure-bench.echo.${program}.${answerBytes}`;
}

/**
 * Sends bare requests to one of the programs that answer them, with NATS's own client, all over one connection, as a
 * proxy has one to its peers.
 */
export async function connectNats(
  port: number,
  program: number,
  sizes: MessageSizes | undefined,
): Promise<Client> {
  if (sizes === undefined) throw new Error("a request to NATS has a size");
  const connection = await connect({ port, reconnect: false });
  const subject = echoSubject(program, sizes.answerBytes);
  const payload = Buffer.alloc(sizes.requestBytes, 1);
  return {
    async call() {
      const { data } = await connection.request(subject, payload, { timeout: TIMEOUT_MS });
      if (data.length !== sizes.answerBytes) throw new Error(`${data.length} bytes came back`);
    },
    close: () => void connection.close(),
  };
}
