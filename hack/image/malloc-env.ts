// SPDX-License-Identifier: Apache-2.0

/**
 * Makes glibc give large buffers back to the system as soon as they are free. Left to itself it raises this size (in bytes) to
 * that of the largest buffer it has seen, up to 32 MiB, and from then on keeps the memory of buffers such as the bodies of large
 * requests, with gaps between them: more than 200 MiB after an attack. No effect elsewhere (mallopt(3), M_MMAP_THRESHOLD).
 */
export const MALLOC_ENV = { MALLOC_MMAP_THRESHOLD_: "1048576" } as const;
