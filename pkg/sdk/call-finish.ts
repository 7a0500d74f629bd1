// SPDX-License-Identifier: Apache-2.0

import { headerMetadata } from "./header-metadata.ts";
import type { Metadata, MetadataInit } from "./metadata.ts";

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

/** @throws SdkError `BAD_METADATA` */
export function callFinish({ metadata, trailers }: FinishOptions): CallFinish {
  return { metadata: headerMetadata(metadata), trailers: headerMetadata(trailers) };
}
