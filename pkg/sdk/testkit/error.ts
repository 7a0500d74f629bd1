// SPDX-License-Identifier: Apache-2.0

/** The entity did something that would break it in production, or the test asked for something that does not exist. */
export class TestkitError extends Error {
  override readonly name = "TestkitError";
}
