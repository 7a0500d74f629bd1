// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, Message } from "@bufbuild/protobuf";

import type { ActionCommand, ActionResponse } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import { ActionCommandSchema, ActionResponseSchema } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import type { Recorded } from "../wire/interceptor.ts";
import { pathOf } from "../wire/paths.ts";
import type { ProxySide } from "./case.ts";
import { ExpectationError, expectCompletion, expectMessage } from "./expectation.ts";

/**
 * A call of an action, recorded between proxy and user function. Metadata is not compared, because it contains
 * headers that the caller's library has made, and some SDKs add it to what they forward.
 */
export class ObservedAction {
  readonly #recorded: Recorded;
  readonly #withinMs: number;

  private constructor(recorded: Recorded, withinMs: number) {
    this.#recorded = recorded;
    this.#withinMs = withinMs;
  }

  /** The proxy must have begun such a call. */
  static async claim({ interceptor, withinMs }: ProxySide, method: DescMethod): Promise<ObservedAction> {
    const path = pathOf(method);
    const recorded = await interceptor.claim(path, withinMs);
    if (recorded === undefined) {
      throw new ExpectationError(`the proxy did not call ${path} within ${withinMs} ms`);
    }
    return new ObservedAction(recorded, withinMs);
  }

  async expectCommand(command: ActionCommand): Promise<void> {
    const expected = { schema: ActionCommandSchema, messages: [command] } as const;
    const neglect = (actual: Message): void => {
      (actual as ActionCommand).metadata = undefined;
    };
    const limits = { withinMs: this.#withinMs, neglect };
    await expectMessage(this.#recorded.fromProxy, "what the proxy sends", expected, limits);
  }

  async expectResponse(response: ActionResponse): Promise<void> {
    const expected = { schema: ActionResponseSchema, messages: [response] } as const;
    const neglect = (actual: Message): void => neglectMetadata(actual as ActionResponse);
    const limits = { withinMs: this.#withinMs, neglect };
    await expectMessage(this.#recorded.fromService, "what the user function answers", expected, limits);
  }

  async expectProxyCompletion(): Promise<void> {
    await expectCompletion(this.#recorded.fromProxy, "what the proxy sends", this.#withinMs);
  }

  async expectServiceCompletion(): Promise<void> {
    await expectCompletion(this.#recorded.fromService, "what the user function answers", this.#withinMs);
  }
}

function neglectMetadata({ response, sideEffects }: ActionResponse): void {
  if (response.case === "reply" || response.case === "forward") response.value.metadata = undefined;
  for (const effect of sideEffects) effect.metadata = undefined;
}
