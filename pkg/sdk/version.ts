// SPDX-License-Identifier: Apache-2.0

/** The same as in `package.json`, which is not there in a bundle; a test holds the two together. */
export const SDK_VERSION = "0.1.0";
