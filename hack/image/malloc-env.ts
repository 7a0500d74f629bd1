// SPDX-License-Identifier: Apache-2.0

/**
 * Makes glibc return buffers of this size (in bytes) or larger to the system as soon as they are free. By default
 * glibc raises this threshold to the size of the largest buffer it has freed, up to 32 MiB. From then on it keeps the
 * memory of buffers such as the bodies of large requests, with gaps between them: more than 200 MiB after an attack.
 * No effect with other C libraries (mallopt(3), M_MMAP_THRESHOLD).
 */
export const MALLOC_ENV = { MALLOC_MMAP_THRESHOLD_: "1048576" } as const;
