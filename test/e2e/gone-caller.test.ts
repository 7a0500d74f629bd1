// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { startWorld } from "../lib/local-proxy.ts";
import type { ScriptedAction } from "../lib/scripted-actions.ts";
import { recite, STREAM_WAYS } from "../lib/stream-ways.ts";
import { lineReply, talksSpec } from "../lib/talks.ts";

/** How long it may take until the user function knows, on a busy machine. */
const MAX_MS = 5_000;

const LARGE = lineReply("x".repeat(100_000));

const scripts: Readonly<Record<string, (call: ScriptedAction) => Promise<void>>> = {
  "while nothing is said": (call) => call.send(lineReply("a")),
  "while the user function is held": async (call) => {
    const over = call.cancelled.then(() => true);
    while (!(await Promise.race([over, call.send(LARGE)])));
  },
};

for (const [when, script] of Object.entries(scripts)) {
  test(`a caller who goes ${when} ends the call at the user function, by every protocol`, async (t) => {
    const calls: { opened(call: ScriptedAction): void }[] = [];
    const { proxy } = await startWorld(t, {
      spec: talksSpec(),
      onAction: (call) => {
        calls.shift()?.opened(call);
        void script(call);
      },
    });
    for (const way of STREAM_WAYS) {
      const opened = new Promise<ScriptedAction>((resolve) => calls.push({ opened: resolve }));
      const reply = await recite(proxy.port, way);
      const call = await opened;
      const startedMs = performance.now();
      reply.leave();
      await call.cancelled;
      const tookMs = Math.round(performance.now() - startedMs);
      t.true(tookMs < MAX_MS, `${way}: ${tookMs} ms`);
      t.log(`${way}: ${tookMs} ms`);
    }
  });
}
