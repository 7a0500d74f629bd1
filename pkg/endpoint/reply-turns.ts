// SPDX-License-Identifier: Apache-2.0

import { Turns } from "../base/mod.ts";
import type { CommandReply, Dispatch } from "../router/mod.ts";

/** A reply takes up to 0.6 ms to convert and write, so those of one turn of the event loop take up to 3 ms. */
const MAX_REPLIES_IN_TURN = 4;

/**
 * The same dispatch, whose streams of replies take turns: each turn of the event loop asks for at most
 * `MAX_REPLIES_IN_TURN` replies, of one stream after the other. Without turns, hundreds of busy streams would hold
 * the event loop, and their messages would delay all others on the connection to the user function.
 */
export function withReplyTurns(dispatch: Dispatch): Dispatch {
  const turns = new Turns<AsyncIterator<CommandReply>>(MAX_REPLIES_IN_TURN);
  return {
    unary: (command) => dispatch.unary(command),
    streamed: (command) => {
      const replies = dispatch.streamed(command)[Symbol.asyncIterator]();
      const inTurn: AsyncIterableIterator<CommandReply> = {
        [Symbol.asyncIterator]: () => inTurn,
        next: () => (turns.begin() ? replies.next() : turns.take(replies).then(() => replies.next())),
        return: async () => (await replies.return?.()) ?? { done: true, value: undefined },
      };
      return inTurn;
    },
  };
}
