// SPDX-License-Identifier: Apache-2.0

/** The same as in `package.json`, which a bundle does not contain; a test compares the two. */
export const SDK_VERSION = "0.1.0";
