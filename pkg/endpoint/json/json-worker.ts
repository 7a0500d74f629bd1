// SPDX-License-Identifier: Apache-2.0

/** Entry of the thread that converts large JSON texts; `json-thread.ts` starts it. Not to be imported. */

import "./base64.ts";

import { parentPort, workerData } from "node:worker_threads";

import { assert, collectGarbage, describeError } from "../../base/mod.ts";
import { readDescriptors } from "../../protocol/mod.ts";

import { HttpError } from "../http/http-error.ts";
import type { HttpBinding } from "../http/http-rule.ts";
import { httpBindings, wholeMessages } from "../http/http-rule.ts";
import type { ReplyBody } from "../http/reply-json.ts";
import { replyEncoder, replyText } from "../http/reply-json.ts";
import { requestEncoder } from "../http/request-message.ts";
import type { BindingRef, FromThread, Task, TaskResult, ThreadStart } from "./task.ts";

assert(parentPort !== null, "large texts are converted in a thread of their own");
const port = parentPort;
const { descriptorSet, limits } = workerData as ThreadStart;
const { registry } = readDescriptors(descriptorSet);

/** Garbage is collected after this many bytes in and out, because each text leaves some six copies. */
const COLLECT_AFTER_BYTES = 8_388_608;
let bytesSince = 0;

port.on("message", (task: Task) => {
  bytesSince += (task.kind === "request" ? task.source.body : task.payload)?.length ?? 0;
  const result = convert(task);
  if (result.kind === "done") bytesSince += result.bytes.length;
  port.postMessage(result, result.kind === "done" ? [result.bytes.buffer] : []);
  // Later, when nothing refers to the bytes any more, so that the caller does not wait for it.
  if (bytesSince >= COLLECT_AFTER_BYTES) setImmediate(collect);
});

function collect(): void {
  bytesSince = 0;
  collectGarbage();
}

port.postMessage({ kind: "ready" } satisfies FromThread);

function convert(task: Task): TaskResult {
  try {
    const { contentType, body } = converted(task, find(task.binding));
    return { kind: "done", contentType, bytes: own(body) };
  } catch (error) {
    if (error instanceof HttpError) return { kind: "refused", code: error.code, text: error.message };
    return { kind: "failed", text: describeError(error) };
  }
}

function converted(task: Task, binding: HttpBinding): ReplyBody {
  switch (task.kind) {
    case "request": {
      const { source } = task;
      // A `Buffer` that is posted to a thread arrives as a plain `Uint8Array`.
      const body =
        source.body && Buffer.from(source.body.buffer, source.body.byteOffset, source.body.byteLength);
      return { contentType: "", body: requestEncoder(binding, registry, limits)({ ...source, body }) };
    }
    case "reply":
      return replyEncoder(binding, registry, limits)(task.payload);
    case "text": {
      const text = replyText(binding, registry, limits)(task.payload);
      return { contentType: "", body: `${task.before}${text}${task.after}` };
    }
  }
}

function find({ service, method, index }: BindingRef): HttpBinding {
  const desc = registry.getService(service)?.methods.find(({ name }) => name === method);
  assert(desc !== undefined, "both threads have the same descriptors");
  const binding = index === undefined ? wholeMessages(desc) : httpBindings(desc).bindings[index];
  assert(binding !== undefined, "both threads read the same rules");
  return binding;
}

/** Bytes that fill their whole buffer, so that the buffer can move to the other thread. */
function own(body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
}
