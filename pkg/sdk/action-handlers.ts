// SPDX-License-Identifier: Apache-2.0
//
// Actions as grpc-js calls them. Everything of gRPC that an action sees is here.

import type { Writable } from "node:stream";

import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  StatusObject,
} from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";

import type { ActionCommand, ActionResponse } from "../protocol/gen/cloudstate/action_pb.ts";
import { Cancellation } from "./cancellation.ts";
import { ProtocolError } from "./error.ts";
import { Inbox } from "./inbox.ts";
import type { ActionRun } from "./run-action.ts";
import { ActionBroken, runMany, runOnce } from "./run-action.ts";

export interface ActionHandlers {
  readonly handleUnary: handleUnaryCall<ActionCommand, ActionResponse>;
  readonly handleStreamedIn: handleClientStreamingCall<ActionCommand, ActionResponse>;
  readonly handleStreamedOut: handleServerStreamingCall<ActionCommand, ActionResponse>;
  readonly handleStreamed: handleBidiStreamingCall<ActionCommand, ActionResponse>;
}

/** The methods of `cloudstate.action.ActionProtocol`. */
export function actionHandlers(options: Omit<ActionRun, "cancellation">): ActionHandlers {
  return {
    handleUnary: (call, answer) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      respond(runOnce(run, { shape: "unary", command: call.request }), run.cancellation, answer);
    },
    handleStreamedIn: (call, answer) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      const commands = new Inbox<ActionCommand>(call, run.cancellation);
      respond(runOnce(run, { shape: "client_streaming", commands }), run.cancellation, (error, response) => {
        void commands.return();
        answer(error, response);
      });
    },
    handleStreamedOut: (call) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      void send(runMany(run, { shape: "server_streaming", command: call.request }), call, run.cancellation);
    },
    handleStreamed: (call) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      const commands = new Inbox<ActionCommand>(call, run.cancellation);
      void send(runMany(run, { shape: "bidi_streaming", commands }), call, run.cancellation);
    },
  };
}

function cancellationOf(call: NodeJS.EventEmitter): Cancellation {
  const cancellation = new Cancellation();
  // grpc-js says it of every call in the end, also of one that is answered.
  call.on("cancelled", () => cancellation.cancel());
  return cancellation;
}

function respond(
  response: Promise<ActionResponse>,
  cancellation: Cancellation,
  answer: sendUnaryData<ActionResponse>,
): void {
  void response.then(
    (value) => {
      cancellation.settle();
      answer(null, value);
    },
    (error: unknown) => {
      cancellation.settle();
      answer(statusOf(error));
    },
  );
}

/** Sends what comes, as fast as it is read, and ends the call. Asks for no more when the caller has gone. */
async function send(
  responses: AsyncGenerator<ActionResponse>,
  call: Writable,
  cancellation: Cancellation,
): Promise<void> {
  try {
    for await (const response of responses) {
      if (!cancellation.cancelled && !call.write(response)) await drained(call, cancellation);
      if (cancellation.cancelled) return;
    }
    cancellation.settle();
    call.end();
  } catch (error) {
    if (cancellation.cancelled) return;
    cancellation.settle();
    // How grpc-js is told the status of a stream: it ends the call with it, after what was written.
    call.emit("error", statusOf(error));
  }
}

function drained(call: Writable, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    const forget = cancellation.onCancel(resolve);
    call.once("drain", () => {
      forget();
      resolve();
    });
  });
}

/**
 * What the caller is told of a call that broke. The text of what a handler threw stays in the log, for it was not
 * written for strangers; that of a protocol error is for the proxy.
 */
function statusOf(error: unknown): Pick<StatusObject, "code" | "details"> & Error {
  const broken = error instanceof ActionBroken && error.cause instanceof ProtocolError;
  const details = broken ? error.message : "Unexpected failure";
  return Object.assign(new Error(details), { code: broken ? status.INTERNAL : status.UNKNOWN, details });
}
