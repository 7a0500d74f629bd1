// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import { ThrownAnswer } from "./error.ts";
import { headerMetadata } from "./header-metadata.ts";
import type { Metadata, MetadataInit } from "./metadata.ts";
import type { StatusName } from "./status-name.ts";
import { statusNumber } from "./status-name.ts";

export interface AbortOptions {
  /** For the caller's program, beside the text for people: `anyPack` of protobuf-es makes them. Default: none. */
  readonly details?: readonly Any[];
  /** Headers of the answer. They count only if the call had no answer before. Default: none. */
  readonly metadata?: MetadataInit;
  /** Sent with the status. Default: none. */
  readonly trailers?: MetadataInit;
}

/** What `abort` throws. */
export class CallAborted extends ThrownAnswer {
  override readonly name = "CallAborted";
  readonly status: StatusName;
  readonly details: readonly Any[];
  readonly metadata: Metadata;
  readonly trailers: Metadata;

  /** @throws SdkError `BAD_STATUS`, `BAD_METADATA` */
  constructor(name: StatusName, description: string, options: AbortOptions = {}) {
    statusNumber("abort", name);
    super(description);
    this.status = name;
    this.details = options.details ?? [];
    this.metadata = headerMetadata(options.metadata);
    this.trailers = headerMetadata(options.trailers);
  }
}

export interface FinishOptions {
  /** Headers of the answer. They count only if the stream had no answer. Default: none. */
  readonly metadata?: MetadataInit;
  /** Sent after the last answer. Default: none. */
  readonly trailers?: MetadataInit;
}

/** Headers and trailers of a stream of answers that ends without an error. */
export interface CallFinish {
  readonly metadata: Metadata;
  readonly trailers: Metadata;
}
