// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";
import { request } from "node:http";

import { describeError } from "../../../pkg/base/mod.ts";

import { InspectError } from "./inspect-error.ts";

/** How long a proxy may take to answer, in milliseconds. A busy one answers between its commands. */
const TIMEOUT_MS = 10_000;

/** The longest report, in bytes. What answers may be no proxy. */
const MAX_BYTES = 16_777_216;

/**
 * Asks a proxy what it does now (`inspect`), or who owns which shards (`shards`). It is asked on the loopback
 * interface, as it answers there only.
 *
 * @param secret the proxy's `--drain-secret`, without which it names no entities; empty if it has none
 * @throws InspectError `NOT_RUNNING` if nothing answers, `FAILED` if something else than a report comes.
 */
export async function readReport(
  port: number,
  what: "inspect" | "shards",
  format: "text" | "json",
  secret: string,
): Promise<string> {
  const at = `127.0.0.1:${port}`;
  let answer: Answer;
  try {
    answer = await get(port, `/${what}?format=${format}`, secret);
  } catch (cause) {
    const advice =
      "--admin-port says which port it is, and `kubectl port-forward POD 9010` brings one of a pod here";
    const text = `no proxy answers on ${at} (${describeError(cause)}); ${advice}`;
    throw new InspectError("NOT_RUNNING", text, { cause });
  }
  const { status, code, text } = answer;
  if (status === 200) return text;
  const reason = code === undefined ? `status ${status}` : `${text} (${code})`;
  const advice =
    code === "ADMIN_UNKNOWN_PATH" ? `; the proxy is older than \`perdure ${what}\`, or starts still` : "";
  throw new InspectError("FAILED", `what listens on ${at} gives no report: ${reason}${advice}`);
}

interface Answer {
  readonly status: number | undefined;
  /** Undefined: it is not of a proxy's admin port. */
  readonly code: string | undefined;
  readonly text: string;
}

async function get(port: number, path: string, secret: string): Promise<Answer> {
  const headers = secret === "" ? {} : { "perdure-drain-secret": secret };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, path, headers, agent: false, signal }, resolve);
    asking.on("error", reject).end();
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`its answer is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const code = response.headers["perdure-error-code"];
  const text = Buffer.concat(chunks).toString().trimEnd();
  return { status: response.statusCode, code: typeof code === "string" ? code : undefined, text };
}
