// SPDX-License-Identifier: Apache-2.0

import { assert } from "../base/mod.ts";
import type { Outcome, StreamedCommand } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { ServedService, ServiceKind, UserFunctionSpec } from "../userfunction/mod.ts";
import { methodName } from "../userfunction/mod.ts";

import { routerError } from "./router-error.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

/** The runtimes of a proxy, by the kind of service. */
export class ServiceRuntimes {
  /** All kinds that are served, in the order of registration. */
  readonly kinds: readonly ServiceKind[];
  readonly #runtimes: readonly ServiceRuntime[];
  readonly #byKind = new Map<string, ServiceRuntime>();

  /** @throws AssertionFailure if two runtimes, or one twice, have the same kind. */
  constructor(...runtimes: readonly ServiceRuntime[]) {
    this.#runtimes = runtimes;
    this.kinds = runtimes.flatMap(({ kinds }) => kinds);
    for (const runtime of runtimes) {
      for (const { name } of runtime.kinds) {
        assert(!this.#byKind.has(name), `one runtime carries out the kind of service ${name}, and not two`);
        this.#byKind.set(name, runtime);
      }
    }
  }

  /** Hands each runtime the services of its kinds; none while no user function is served. */
  serve(spec: UserFunctionSpec | undefined): void {
    const services = [...(spec?.services.values() ?? [])];
    for (const runtime of this.#runtimes)
      runtime.serve?.(services.filter((service) => this.#byKind.get(service.kind) === runtime));
  }

  /** @throws StatusError for a service of a kind without a runtime, which discovery refuses. */
  of(service: ServedService): ServiceRuntime {
    const runtime = this.#byKind.get(service.kind);
    if (runtime !== undefined) return runtime;
    const text = `nothing carries out commands for ${service.kind} services`;
    throw routerError(Status.INTERNAL, "INTERNAL", text);
  }

  /** Hands over a command with streams. @throws StatusError if its method takes and gives no streams. */
  streamed(command: StreamedCommand): AsyncIterable<Outcome> {
    const runtime = this.of(command.method.service);
    if (runtime.streamed !== undefined) return runtime.streamed(command);
    throw routerError(Status.INTERNAL, "INTERNAL", `${methodName(command.method)} takes no streams`);
  }
}
