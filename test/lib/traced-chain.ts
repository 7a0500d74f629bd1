// SPDX-License-Identifier: Apache-2.0

/**
 * A sample function, and one request to it that leads to everything that a trace shows: entity `a` is activated,
 * stores an event, has a side effect on entity `b`, which stores an event too, and is forwarded to an action.
 *
 *     const { script } = tracedChain();
 *     const userFunction = await startScriptedUserFunction(script);
 *     …
 *     await http.call(CHAIN_PATH, { body: CHAIN_BODY });
 */

import type { ActionCommand } from "../../pkg/protocol/mod.ts";
import { messageTypeUrl } from "../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "./counter.ts";
import type { ScriptedAction } from "./scripted-actions.ts";
import type { Script, StreamOut } from "./scripted-user-function.ts";
import { lineAny, TALKS_SERVICE, talksSpec } from "./talks.ts";

/** The request, to be sent by POST. */
export const CHAIN_PATH = `/${COUNTER_SERVICE}/Add`;
export const CHAIN_BODY = { id: "a", amount: 1 } as const;

const COMMAND = `${COUNTER_SERVICE}.Add`;
const EFFECT = `${COMMAND} < ${COMMAND}`;
const FORWARD = `${TALKS_SERVICE}.Say < ${COMMAND}`;

/**
 * The spans of the request, sorted: each by its name and those of the spans above it, up to the request's own. They are
 * all of its trace, if the caller has no span.
 */
export const CHAIN_SPANS: readonly string[] = [
  COMMAND,
  ...ofEntity(COMMAND),
  EFFECT,
  ...ofEntity(EFFECT),
  FORWARD,
  `user function < ${FORWARD}`,
  `reply < ${COMMAND}`,
].toSorted();

/** What an entity does for the command that brings it into memory. */
function ofEntity(command: string): readonly string[] {
  return [
    `activation < ${command}`,
    `read < activation < ${command}`,
    `queue < ${command}`,
    `user function < ${command}`,
    `append < ${command}`,
  ];
}

const EVENT = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a") };

/**
 * @param extensions what the user function announces (`ServiceInfo.extensions`)
 * @returns the function, and the commands that its action has got
 */
export function tracedChain(...extensions: string[]): {
  readonly script: Script;
  readonly said: readonly ActionCommand[];
} {
  const said: ActionCommand[] = [];
  const say = async (call: ScriptedAction): Promise<void> => {
    for await (const command of call.commands) said.push(command);
    await call.send({ response: { case: "reply", value: { payload: EVENT } } });
  };
  const spec = talksSpec();
  if (spec.serviceInfo !== undefined) spec.serviceInfo.extensions = extensions;
  const script: Script = {
    spec,
    onMessage({ message }, stream) {
      if (message.case !== "command") return;
      const { id: commandId, entityId } = message.value;
      const answer = entityId === "a" ? FORWARD_WITH_EFFECT : REPLY;
      const value = { ...answer, commandId, events: [EVENT] };
      stream.send({ message: { case: "reply", value } } as StreamOut);
    },
    onAction: (call) => void say(call),
  };
  return { script, said };
}

const REPLY = { clientAction: { action: { case: "reply", value: { payload: EVENT } } } };

const FORWARD_WITH_EFFECT = {
  clientAction: {
    action: {
      case: "forward",
      value: { serviceName: TALKS_SERVICE, commandName: "Say", payload: lineAny("hi") },
    },
  },
  sideEffects: [
    {
      serviceName: COUNTER_SERVICE,
      commandName: "Add",
      payload: { ...EVENT, value: counterRequest("b") },
      synchronous: true,
    },
  ],
};
