// SPDX-License-Identifier: Apache-2.0

/** Entry of the writer's thread; `writer-link.ts` starts it. Not to be imported. */

import { parentPort, workerData } from "node:worker_threads";

import { assert, systemClock, unreachable } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { Batch, BatchOutcome } from "./batch.ts";
import { CheckpointSchedule } from "./checkpoint-schedule.ts";
import { PAGE_BYTES } from "./schema.ts";
import { toErrorMessage, translateError } from "./sqlite-error.ts";
import { Writer } from "./writer.ts";
import type { FromWriter, ToWriter, WriterStart } from "./writer-protocol.ts";

assert(parentPort !== null, "the writer runs in a thread of its own");
const port = parentPort;
const { path, settings, expected } = workerData as WriterStart;
const send = (message: FromWriter) => port.postMessage(message);

try {
  serve(new Writer(path, settings, expected));
} catch (thrown) {
  send({ kind: "refused", error: toErrorMessage(translateError(thrown, path, "opening")) });
}

function serve(writer: Writer): void {
  const checkpoints = new CheckpointSchedule(writer, settings, systemClock, (error) =>
    send({ kind: "warning", error: toErrorMessage(error) }),
  );
  port.on("message", (message: ToWriter) => {
    switch (message.kind) {
      case "commit":
        send(answer(writer, () => writer.commit(message.batch)));
        return checkpoints.afterCommit(pagesOf(message.batch));
      case "check":
        return send(answer(writer, () => (writer.check(message.thorough), [])));
      case "close":
        checkpoints.stop();
        writer.close();
        return port.close();
      default:
        return unreachable(message);
    }
  });
  send({ kind: "ready", durability: writer.durability, file: writer.file });
  writer.preallocate();
}

/** Beside those of its bytes an operation changes two or three pages, more with new entities and divided pages. */
const PAGES_PER_OPERATION = 16;

/** How many pages a batch adds to the write-ahead log at most. */
function pagesOf({ kinds, bytes }: Batch): number {
  return kinds.length * PAGES_PER_OPERATION + Math.ceil(bytes.length / PAGE_BYTES);
}

function answer(writer: Writer, work: () => BatchOutcome): FromWriter {
  try {
    return { kind: "committed", outcome: work() };
  } catch (thrown) {
    const error = thrown instanceof EventLogError ? thrown : translateError(thrown, path, "writing");
    return { kind: "failed", error: toErrorMessage(error), after: writer.state };
  }
}
