// SPDX-License-Identifier: Apache-2.0
//
// Actions as grpc-js calls them. Only this file converts between gRPC calls and actions.

import type { Writable } from "node:stream";

import { toBinary } from "@bufbuild/protobuf";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerUnaryCall,
  StatusObject,
  sendUnaryData,
} from "@grpc/grpc-js";
import { Metadata as GrpcMetadata, status } from "@grpc/grpc-js";

import type { ActionCommand, ActionResponse } from "../protocol/gen/cloudstate/action_pb.ts";
import { StatusSchema } from "../protocol/gen/google/rpc/status_pb.ts";
import type { CallFinish } from "./call-end.ts";
import { CallAborted } from "./call-end.ts";
import { Cancellation } from "./cancellation.ts";
import { ProtocolError } from "./error.ts";
import { FairTurns } from "./fair-turns.ts";
import { Inbox } from "./inbox.ts";
import type { Metadata } from "./metadata.ts";
import type { ActionRun, ActionSource } from "./run-action.ts";
import { ActionBroken, runMany, runOnce } from "./run-action.ts";

/** A call whose answer may begin with headers. */
type Headed = Pick<ServerUnaryCall<unknown, unknown>, "sendMetadata">;

/** The same of a stream, whose end may have trailers. */
type StreamedAnswer = Writable & Headed & { end(trailers?: GrpcMetadata): void };

export interface ActionHandlers {
  readonly handleUnary: handleUnaryCall<ActionCommand, ActionResponse>;
  readonly handleStreamedIn: handleClientStreamingCall<ActionCommand, ActionResponse>;
  readonly handleStreamedOut: handleServerStreamingCall<ActionCommand, ActionResponse>;
  readonly handleStreamed: handleBidiStreamingCall<ActionCommand, ActionResponse>;
}

/** The methods of `cloudstate.action.ActionProtocol`. */
export function actionHandlers(options: Omit<ActionRun, "cancellation" | "onFinish">): ActionHandlers {
  return {
    handleUnary: (call, answer) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      respond(runOnce(run, { shape: "unary", command: call.request }), call, run.cancellation, answer);
    },
    handleStreamedIn: (call, answer) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      const commands = new Inbox<ActionCommand>(call, run.cancellation);
      const response = runOnce(run, { shape: "client_streaming", commands });
      respond(response, call, run.cancellation, (error, value) => {
        void commands.return();
        answer(error, value);
      });
    },
    handleStreamedOut: (call) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      void send(run, { shape: "server_streaming", command: call.request }, call);
    },
    handleStreamed: (call) => {
      const run = { ...options, cancellation: cancellationOf(call) };
      const commands = new Inbox<ActionCommand>(call, run.cancellation);
      void send(run, { shape: "bidi_streaming", commands }, call);
    },
  };
}

function cancellationOf(call: NodeJS.EventEmitter): Cancellation {
  const cancellation = new Cancellation();
  // grpc-js emits "cancelled" at the end of every call, also of one that was answered.
  call.on("cancelled", () => cancellation.cancel());
  return cancellation;
}

function respond(
  response: Promise<ActionResponse>,
  call: Headed,
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
      answer(statusOf(error, call));
    },
  );
}

/** For all streams of the process, because they share its event loop. */
const turns = new FairTurns();

/** Sends the handler's answers as fast as the caller reads them, and ends the call. Stops if the caller goes away. */
async function send(run: ActionRun, source: ActionSource, call: StreamedAnswer): Promise<void> {
  const { cancellation } = run;
  let finish: CallFinish | undefined;
  try {
    await turns.next();
    for await (const response of runMany({ ...run, onFinish: (given) => (finish = given) }, source)) {
      if (!cancellation.cancelled && !call.write(response)) await drained(call, cancellation);
      if (cancellation.cancelled) return;
      await turns.next();
    }
    cancellation.settle();
    endWith(finish, call);
  } catch (error) {
    if (cancellation.cancelled) return;
    cancellation.settle();
    // On "error" grpc-js ends the stream with this status, after the messages that were written.
    call.emit("error", statusOf(error, call));
  }
}

function endWith(finish: CallFinish | undefined, call: StreamedAnswer): void {
  // Has no effect when something was answered before.
  if (finish !== undefined) call.sendMetadata(grpcMetadata(finish.metadata));
  call.end(finish && grpcMetadata(finish.trailers));
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

/** The text for the caller if a handler threw. The reason is left out, because it was not written for strangers. */
const UNEXPECTED = "Unexpected failure: the log of the user function says why";

/**
 * The status for the caller of a call that ended with an error. The text of an error that a handler threw stays in the
 * log. The text of a protocol error is sent, for the proxy.
 */
function statusOf(error: unknown, call: Headed): Partial<StatusObject> & Error {
  if (error instanceof CallAborted) return abortedStatus(error, call);
  const broken = error instanceof ActionBroken && error.cause instanceof ProtocolError;
  const details = broken ? error.message : UNEXPECTED;
  return Object.assign(new Error(details), { code: broken ? status.INTERNAL : status.UNKNOWN, details });
}

function abortedStatus(aborted: CallAborted, call: Headed): Partial<StatusObject> & Error {
  // Has no effect when something was answered before.
  if (aborted.metadata.entries.length > 0) call.sendMetadata(grpcMetadata(aborted.metadata));
  const code = status[aborted.status];
  // Replaces half characters (lone surrogates), because the status message is percent-encoded.
  const message = Buffer.from(aborted.message).toString();
  const metadata = grpcMetadata(aborted.trailers);
  if (aborted.details.length > 0) {
    const details = [...aborted.details];
    const bytes = toBinary(StatusSchema, { $typeName: "google.rpc.Status", code, message, details });
    metadata.add("grpc-status-details-bin", Buffer.from(bytes));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function grpcMetadata(metadata: Metadata): GrpcMetadata {
  const grpc = new GrpcMetadata();
  for (const [name, value] of metadata)
    grpc.add(name, typeof value === "string" ? value : Buffer.from(value));
  return grpc;
}
