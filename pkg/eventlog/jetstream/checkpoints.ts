// SPDX-License-Identifier: Apache-2.0

import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import type { Position } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { Appender, Write } from "./appender.ts";
import type { Author } from "./author.ts";
import type { Layout } from "./layout.ts";
import type { Reader } from "./reader.ts";
import { decodeStored, encodeStored } from "./stored.ts";

/** The checkpoints of a log: one message each, in a stream of snapshots. */
export class Checkpoints {
  readonly #layout: Layout;
  readonly #reader: Reader;
  readonly #appender: Appender;
  readonly #author: Author;

  constructor(layout: Layout, reader: Reader, appender: Appender, author: Author) {
    this.#layout = layout;
    this.#reader = reader;
    this.#appender = appender;
    this.#author = author;
  }

  async read(name: string): Promise<readonly Position[] | undefined> {
    const found = await this.#reader.lastRaw(this.#layout.checkpoint(name));
    if (found === undefined) return undefined;
    const { data, ...origin } = found;
    return decodeCheckpoint(name, decodeStored(data, origin).bytes);
  }

  async save(name: string, positions: readonly Position[]): Promise<void> {
    const place = this.#layout.checkpoint(name);
    const bytes = encodeCheckpoint(positions);
    const next = async (): Promise<Write> => {
      const found = await this.#reader.lastRaw(place);
      const expected = found?.sequence ?? NO_POSITION;
      const mark = this.#author.mark();
      const payload = encodeStored({ mark, key: undefined, bytes }, place.subject);
      return { ...place, expected, payload, mark, entity: { type: "", id: name } };
    };
    const overtaken = `others save the checkpoint ${JSON.stringify(name)} all the time`;
    await this.#appender.appendLatest(next, overtaken);
  }
}
