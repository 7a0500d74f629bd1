// SPDX-License-Identifier: Apache-2.0

import type { UserFunctionSpec } from "../../userfunction/mod.ts";

/** What gRPC health checking says of a service. */
export type Serving = "serving" | "not-serving" | "unknown";

/** The name of the whole server. */
const WHOLE_SERVER = "";

/**
 * Whether services are served at the moment.
 *
 * 1. The whole server, and every service of a specification, is served while the specification is set. A service of
 *    which the specification says that nothing is served is known, and not served.
 * 2. While there is no specification the services are not known: none is served, and none is unknown.
 * 3. After `stop` nothing is served any more.
 */
export class Health {
  readonly #watchers = new Set<() => void>();
  #services: ReadonlySet<string> | undefined;
  #refused: ReadonlySet<string> = new Set();
  #stopping = false;

  /** No further change will come. */
  get stopping(): boolean {
    return this.#stopping;
  }

  setSpec(spec: UserFunctionSpec | undefined): void {
    this.#services = spec && new Set([WHOLE_SERVER, ...spec.services.keys()]);
    const refused = spec?.unserved.map(({ service }) => service) ?? [];
    this.#refused = new Set(refused.filter((service) => this.#services?.has(service) === false));
    this.#tell();
  }

  stop(): void {
    this.#stopping = true;
    this.#tell();
  }

  of(service: string): Serving {
    if (this.#services === undefined || this.#refused.has(service)) return "not-serving";
    if (!this.#services.has(service)) return "unknown";
    return this.#stopping ? "not-serving" : "serving";
  }

  /** Every name that is known, the whole server's first. */
  names(): readonly string[] {
    return this.#services === undefined ? [WHOLE_SERVER] : [...this.#services, ...this.#refused];
  }

  /** Calls the watcher whenever a status may have changed, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
