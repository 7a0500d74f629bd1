// SPDX-License-Identifier: Apache-2.0

import type { CallEnd } from "../../grpc/mod.ts";
import type { SnapshotPoint } from "../../record/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { SnapshotRefusal, SnapshotUse } from "./snapshot-use.ts";
import { refusalByEnd, refusalByFailure } from "./snapshot-use.ts";

/**
 * Finds out whether the user function takes the snapshot that a stream of an entity begins with (clause 12 of
 * `StatefulEntity`).
 *
 * 1. The snapshot is on trial until the user function has answered a command, because it may refuse the first message
 *    of a stream when it has already received later ones.
 * 2. After a refusal the entity uses no snapshot until the user function has answered a command without one. Only that
 *    shows that the snapshot was the reason, so only then `SnapshotUse` is told.
 */
export class SnapshotTrial {
  readonly #snapshots: SnapshotUse;
  /** Bytes of the snapshot on trial; 0: none. */
  #bytes = 0;
  #refusal: SnapshotRefusal | undefined;

  constructor(snapshots: SnapshotUse) {
    this.#snapshots = snapshots;
  }

  mayUse(service: EntityService, snapshot: SnapshotPoint): boolean {
    return this.#refusal === undefined && this.#snapshots.mayUse(service, snapshot);
  }

  /** A stream has begun with a snapshot of so many bytes; 0: with none. */
  begin(bytes: number): void {
    this.#bytes = bytes;
  }

  isRefusedByEnd(end: CallEnd): boolean {
    return this.#refuse(refusalByEnd(this.#bytes, end));
  }

  isRefusedByFailure(description: string): boolean {
    return this.#refuse(refusalByFailure(this.#bytes, description));
  }

  /** The user function has answered a command: it takes the snapshot, or works without it. */
  end(service: EntityService, id: string): void {
    this.#bytes = 0;
    if (this.#refusal === undefined) return;
    this.#snapshots.refused(service, id, this.#refusal);
    this.#refusal = undefined;
  }

  #refuse(refusal: SnapshotRefusal | undefined): boolean {
    if (refusal === undefined) return false;
    this.#refusal = refusal;
    this.#bytes = 0;
    return true;
  }
}
