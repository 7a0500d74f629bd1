// SPDX-License-Identifier: Apache-2.0

/** The members and owners of a cluster in NATS. It is behind a door of its own, because it loads NATS's client. */

export type { BucketChange } from "./bucket.ts";
export { ClusterBucket } from "./bucket.ts";
export { ClusterRuntime } from "./cluster-runtime.ts";
export { memberTimes } from "./member-times.ts";
export { forwardPrefix } from "./subjects.ts";
