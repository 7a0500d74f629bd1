// SPDX-License-Identifier: Apache-2.0

import type { Command, Lineage, Outcome, StreamedCommand } from "../entity/mod.ts";
import type { ServedService, ServiceKind } from "../userfunction/mod.ts";

/**
 * Carries out the commands of some kinds of services. A proxy serves the kinds of the runtimes that it registers
 * (`ServiceRuntimes`), and no other code asks for the kind of a service:
 *
 *     const echo: ServiceRuntime = {
 *       kinds: [ECHO],
 *       unary: async ({ method, payload }) => reply(method, payload),
 *       // Needed only if the kind's `check` takes methods with streams.
 *       async *streamed({ method, input }) {
 *         for await (const payload of input) yield reply(method, payload);
 *       },
 *     };
 *     const reply = (method: ServedMethod, payload: Uint8Array): Outcome => ({
 *       kind: "reply", typeUrl: messageTypeUrl(method.desc.output.typeName), payload, metadata: [], effects: [],
 *     });
 */
export interface ServiceRuntime {
  readonly kinds: readonly ServiceKind[];
  /** Carries out a command with one message in and one answer. @throws StatusError, and nothing else. */
  unary(command: Command, lineage: Lineage): Promise<Outcome>;
  /**
   * Carries out a command with a stream in either direction, or both. Only of kinds with such methods. Gives each
   * outcome when it is pulled; the iterator throws StatusError, and nothing else.
   */
  streamed?(command: StreamedCommand): AsyncIterable<Outcome>;
  /** Called with its services when a user function is found, and with none when it is lost. */
  serve?(services: readonly ServedService[]): void;
}
