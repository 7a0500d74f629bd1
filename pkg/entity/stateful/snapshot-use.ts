// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import { onceForEach } from "../../base/mod.ts";
import type { CallEnd, GrpcErrorCode } from "../../grpc/mod.ts";
import { Status, statusName } from "../../grpc/mod.ts";
import type { SnapshotPoint } from "../../record/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

export interface SnapshotUseDependencies {
  readonly telemetry: Telemetry;
  /** Tells the user function's developer. */
  readonly reportError: (message: string) => void;
}

/** Why a stream that began with a snapshot ended before the user function said anything about a command. */
export interface SnapshotRefusal {
  readonly bytes: number;
  readonly reason: string;
  /** The reason is the size, so larger snapshots are not tried. */
  readonly isTooLarge: boolean;
}

interface Known {
  /** Snapshots of so many bytes or more are not used, because the user function refused one of this size. */
  refusedBytes: number;
  /** Versions of snapshots that were not used, so that each is logged once. */
  readonly versions: Set<string>;
}

/** How many versions of unused snapshots are remembered of one service; further ones are not logged. */
const MAX_VERSIONS = 100;

/**
 * Decides which snapshots the user function gets. A doubtful snapshot is left out, because the events give the same
 * state.
 *
 * 1. A snapshot with another version than the one that the code declares is not used, because the code that made it
 *    may have meant something else by it. It is not removed either, because code of that version may come back.
 * 2. If the user function refuses a snapshot, its stream is opened again without it. If that helps and the size was
 *    the reason, snapshots of this size or larger are neither sent nor stored any more.
 * 3. This is remembered per discovered service, so a user function that restarts gets its snapshots again.
 */
export class SnapshotUse {
  readonly #dependencies: SnapshotUseDependencies;
  readonly #of = onceForEach<EntityService, Known>(() => ({ refusedBytes: Infinity, versions: new Set() }));

  constructor(dependencies: SnapshotUseDependencies) {
    this.#dependencies = dependencies;
  }

  mayUse(service: EntityService, { version, state }: SnapshotPoint): boolean {
    if (version === service.snapshotVersion) return this.isTaken(service, state);
    const { versions } = this.#of(service);
    if (versions.has(version) || versions.size >= MAX_VERSIONS) return false;
    versions.add(version);
    this.#dependencies.telemetry.logger.info(
      "snapshots of another version are not used, the events are replayed",
      {
        service: service.desc.typeName,
        stored: version,
        declared: service.snapshotVersion,
      },
    );
    return false;
  }

  /** The user function refused a snapshot, and worked after a replay without it. */
  refused(service: EntityService, id: string, { bytes, reason, isTooLarge }: SnapshotRefusal): void {
    const known = this.#of(service);
    if (isTooLarge && bytes >= known.refusedBytes) return;
    if (isTooLarge) known.refusedBytes = bytes;
    const { telemetry, reportError } = this.#dependencies;
    const name = `${service.desc.typeName} entity ${id}`;
    const text = isTooLarge
      ? `${name}: the user function does not take its snapshot of ${bytes} bytes (${reason}), so the events are replayed ` +
        "instead; until the user function starts anew no snapshot of this size is given or stored. gRPC servers take 4 MiB " +
        "unless they are told otherwise: let this one take more, or make the state smaller"
      : `${name}: the user function cannot go on from its snapshot (${reason}), so the events are replayed instead; ` +
        "if its code has changed, let it declare another version of its snapshots";
    telemetry.logger.warn("a snapshot was not taken, the events are replayed", { problem: text });
    reportError(text);
  }

  /** Whether the user function takes a snapshot of this size, for all that is known. */
  isTaken(service: EntityService, { value }: Any): boolean {
    return value.length < this.#of(service).refusedBytes;
  }
}

/** A smaller snapshot, in bytes, is refused only by `RESOURCE_EXHAUSTED`, as streams also end for other reasons. */
const LARGE_BYTES = 65_536;

/**
 * Whether a stream that began with a snapshot of so many bytes (0: with none) ended because of that snapshot. gRPC
 * servers differ in how they refuse a message that is too large: grpc-js, grpc-go, grpc-core (Python, C#, Ruby) and
 * .NET end the stream with `RESOURCE_EXHAUSTED`, tonic with `OUT_OF_RANGE`, grpc-java resets it with CANCEL. An SDK
 * that refuses the snapshot itself sends a failure (`refusalByFailure`).
 */
export function refusalByEnd(
  bytes: number,
  { status, code, message, cause }: Pick<CallEnd, "status" | "code" | "message" | "cause">,
): SnapshotRefusal | undefined {
  if (bytes === 0 || status === Status.OK || status === Status.UNAVAILABLE) return undefined;
  // The connection was lost, or something else that is not about this stream.
  if (cause !== undefined && !ABOUT_THE_STREAM.includes(code)) return undefined;
  if (status !== Status.RESOURCE_EXHAUSTED && bytes < LARGE_BYTES) return undefined;
  const reason = [statusName(status), message].filter(Boolean).join(": ");
  return { bytes, reason, isTooLarge: true };
}

const ABOUT_THE_STREAM: readonly string[] = ["STREAM_RESET", "SEND_BUFFER_FULL"] satisfies GrpcErrorCode[];

/**
 * The same for a failure without a command, which SDKs send when they cannot read the first message of a stream. Only
 * its text says why: SDKs put the error of their gRPC library into it.
 */
export function refusalByFailure(bytes: number, description: string): SnapshotRefusal | undefined {
  if (bytes === 0) return undefined;
  const isTooLarge = /ResourceExhausted|RESOURCE_EXHAUSTED|larger than max/.test(description);
  return { bytes, reason: description, isTooLarge };
}
