// SPDX-License-Identifier: Apache-2.0

import { connect } from "@nats-io/transport-node";
import { median } from "simple-statistics";

import type { MessageSizes } from "../loader/job.ts";

/** Between proxies, a request ends up at such a subject, and an answer at the other one (`pkg/cluster/forward`). */
const REQUEST = ".forward.call.";
const ANSWER = /\.forward\.answer\..*\.a$/;

/** What proxies sent each other while something was done. */
export interface Forwarded {
  readonly requests: number;
  /** The medians. */
  readonly sizes: MessageSizes;
}

/** Listens to what proxies send each other over a server of NATS while `work` is under way. */
export async function forwardedDuring(port: number, work: () => Promise<unknown>): Promise<Forwarded> {
  const connection = await connect({ port });
  const requests: number[] = [];
  const answers: number[] = [];
  try {
    connection.subscribe("*.forward.>", {
      callback: (_error, { subject, data }) => {
        if (subject.includes(REQUEST)) requests.push(data.length);
        else if (ANSWER.test(subject)) answers.push(data.length);
      },
    });
    await connection.flush();
    await work();
    await connection.flush();
  } finally {
    await connection.close();
  }
  const sizes = { requestBytes: medianOf(requests), answerBytes: medianOf(answers) };
  return { requests: requests.length, sizes };
}

function medianOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : Math.round(median([...values]));
}
