// SPDX-License-Identifier: Apache-2.0

/** The entity did what would break it in production, or the test asked for what is not there. */
export class TestkitError extends Error {
  override readonly name = "TestkitError";
}
