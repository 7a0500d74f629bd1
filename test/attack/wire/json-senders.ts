// SPDX-License-Identifier: Apache-2.0

import { request } from "node:http";

import type { Tools } from "../attack.ts";
import type { Target } from "../target.ts";
import { HOST } from "../target.ts";
import { PATHS } from "./grpc.ts";
import { openH2Session } from "./h2-session.ts";
import { openLine } from "./line.ts";
import { textFrame, upgradeRequest } from "./websocket.ts";

/** Sends one JSON message as a whole and waits for what comes of it, which is counted. */
type SendJson = (target: Target, tools: Tools, body: Buffer) => Promise<void>;

/** An entity of its own, so that no command of the bystander's waits for one of these. */
export const LETTERS_PATH = "/targets/attacked/letters";

/** Sends one JSON message by each protocol, each on its own connection. */
export const JSON_SENDERS: Readonly<Record<"http1" | "h2" | "websocket", SendJson>> = {
  http1: (target, { signal, tally }, body) =>
    new Promise((resolve) => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const options = {
        host: HOST,
        port: target.port,
        path: LETTERS_PATH,
        method: "POST",
        headers,
        agent: false,
      };
      const outgoing = request({ ...options, signal });
      let isDone = false;
      const finish = (what: string): void => {
        if (!signal.aborted && !isDone) tally.add(what);
        isDone = true;
        outgoing.destroy();
      };
      outgoing.on("response", ({ statusCode }) => finish(`answered ${statusCode}`));
      outgoing.on("error", () => finish("broken off"));
      outgoing.on("close", () => resolve());
      tally.add("bytes", body.length);
      outgoing.end(body);
    }),

  h2: async (target, tools, body) => {
    const { session, closed, close } = openH2Session(target.port, tools);
    let outcome = "broken off";
    const headers = { ":method": "POST", ":path": LETTERS_PATH, "content-type": "application/json" };
    const stream = session.request(headers);
    stream.on("response", (response) => {
      outcome = `answered ${response[":status"]}`;
      close();
    });
    stream.on("error", close);
    tools.tally.add("bytes", body.length);
    stream.end(body);
    await closed;
    if (!tools.signal.aborted) tools.tally.add(outcome);
  },

  websocket: (target, tools, body) => sendFrame(target, tools, upgradeRequest(PATHS.chat), textFrame(body)),
};

/** Sends one frame over a WebSocket of its own, and waits for what comes of it. */
export async function sendFrame(target: Target, tools: Tools, upgrade: Buffer, frame: Buffer): Promise<void> {
  const line = await openLine(target.port, tools);
  if (line === undefined) return;
  await line.send(upgrade);
  const answered = new Promise<void>((resolve) => {
    // The first data is the acceptance of the WebSocket. The second is the answer.
    line.socket.once("data", () => line.socket.once("data", () => resolve()));
  });
  await line.send(frame);
  await Promise.race([answered.then(() => tools.tally.add("answered")), line.closed()]);
  line.close();
}
