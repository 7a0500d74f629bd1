// SPDX-License-Identifier: Apache-2.0

/** `PRAGMA application_id` of our files: "Pdur". */
export const APPLICATION_ID = 0x50647572;

/** `PRAGMA user_version` of our files. A change that an older Perdure cannot read raises it. */
export const SCHEMA_VERSION = 1;

/** SQLite's own default; larger pages make the write-ahead log larger, smaller ones the tree deeper. */
export const PAGE_BYTES = 4096;

/** The page cache of each connection, which is most of the memory that SQLite takes (I11). */
export const CACHE_KIB = 4_096;

/** Also added to files that were made before this table existed. */
export const CHECKPOINT_TABLE = `
  CREATE TABLE IF NOT EXISTS checkpoint (
    name ANY PRIMARY KEY,
    positions BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/**
 * The records of one entity are stored together, because an activation reads them all and a disk reads pages: for a
 * thousand records a hundred, not a thousand. An append writes two pages rather than the one of a table in order of
 * position, which the writer's thread can afford; reads cannot wait. The index by type is for consumers; it grows at
 * its ends only. `ANY` keeps texts and blobs apart.
 *
 * A row of `record` is deleted only when a newer one of its entity is written. So the highest position in the table
 * is the last one that was assigned.
 */
export const SCHEMA = `
  CREATE TABLE type (
    key INTEGER PRIMARY KEY,
    name ANY NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE entity (
    key INTEGER PRIMARY KEY,
    type INTEGER NOT NULL REFERENCES type,
    id ANY NOT NULL,
    UNIQUE (type, id)
  ) STRICT;
  CREATE TABLE record (
    entity INTEGER NOT NULL REFERENCES entity,
    position INTEGER NOT NULL,
    type INTEGER NOT NULL REFERENCES type,
    bytes BLOB NOT NULL,
    PRIMARY KEY (entity, position)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX record_by_type ON record (type, position);
  CREATE TABLE snapshot (
    entity INTEGER PRIMARY KEY REFERENCES entity,
    position INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  ${CHECKPOINT_TABLE}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Those that a file of any age has. */
export const TABLES = ["type", "entity", "record", "snapshot"] as const;
