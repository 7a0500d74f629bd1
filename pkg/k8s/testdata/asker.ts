// SPDX-License-Identifier: Apache-2.0

/**
 * Sends reviews on connections that are kept alive, and posts how often each status or error came. Runs in a separate
 * thread, because an API server runs in a separate process.
 */

import { Agent, request } from "node:https";
import { parentPort, workerData } from "node:worker_threads";

const { port, ca, count } = workerData as {
  readonly port: number;
  readonly ca: string;
  readonly count: number;
};
const agent = new Agent({ keepAlive: true, ca });

function ask(i: number): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ host: "localhost", port, path: "/admit", method: "POST", agent }, (response) => {
      response.resume().on("end", () => resolve(String(response.statusCode)));
    });
    asked.on("error", ({ message }) => resolve(message)).end(JSON.stringify({ i }));
  });
}

const answers = new Map<string, number>();
for (let i = 0; i < count; i++) {
  const answer = await ask(i);
  answers.set(answer, (answers.get(answer) ?? 0) + 1);
}
agent.destroy();
parentPort?.postMessage(Object.fromEntries(answers));
