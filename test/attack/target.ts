// SPDX-License-Identifier: Apache-2.0

/** Where an attack sends to. It is handed to the attacking process as JSON. */
export interface Target {
  /** The public port of 127.0.0.1. */
  readonly port: number;
  readonly adminPort: number;
  /** Further facts about the world for its attacks, such as the path of the log. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** The address of every target. Attacks send to no other machine. */
export const HOST = "127.0.0.1";
