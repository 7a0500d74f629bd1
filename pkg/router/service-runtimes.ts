// SPDX-License-Identifier: Apache-2.0

import { Status } from "../grpc/mod.ts";
import type { ServedMethod, ServedService, ServiceKind, UserFunctionSpec } from "../userfunction/mod.ts";
import { methodName } from "../userfunction/mod.ts";

import { routerError } from "./router-error.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

/** The runtimes of a proxy, by the kind of service. */
export class ServiceRuntimes {
  /** All kinds that are served, in the order of registration. */
  readonly kinds: readonly ServiceKind[];
  readonly #runtimes: readonly ServiceRuntime[];
  readonly #byKind = new Map<string, ServiceRuntime>();

  constructor(...runtimes: readonly ServiceRuntime[]) {
    this.#runtimes = runtimes;
    this.kinds = runtimes.flatMap(({ kinds }) => kinds);
    for (const runtime of runtimes) for (const { name } of runtime.kinds) this.#byKind.set(name, runtime);
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
    throw routerError(
      Status.INTERNAL,
      "INTERNAL",
      `nothing carries out commands for ${service.kind} services`,
    );
  }

  /** The runtime's function for streams. @throws StatusError if the method takes and gives no streams. */
  streamed(method: ServedMethod): NonNullable<ServiceRuntime["streamed"]> {
    const runtime = this.of(method.service);
    if (runtime.streamed !== undefined) return (command) => runtime.streamed!(command);
    throw routerError(Status.INTERNAL, "INTERNAL", `${methodName(method)} takes no streams`);
  }
}
