// SPDX-License-Identifier: Apache-2.0

/** How the proxy calls itself at discovery and on the command line. */
export const PROXY_NAME = "perdure";

/** The same as in `package.json`; a test compares the two. */
export const PROXY_VERSION = "0.1.0";
