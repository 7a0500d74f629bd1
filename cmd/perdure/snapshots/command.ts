// SPDX-License-Identifier: Apache-2.0

import { Command } from "commander";

import { shownAddress } from "../../../pkg/eventlog/address/mod.ts";
import type { EntityKey, EventLog } from "../../../pkg/eventlog/mod.ts";

import type { LogFlags } from "./open-log.ts";
import { logAddress, withLog } from "./open-log.ts";
import { count, listLine, nameOf, showLines, shownSnapshot } from "./shown-snapshot.ts";
import { SnapshotsError } from "./snapshots-error.ts";

const EXAMPLES = `Examples:
  $ perdure snapshots list                               of the function in this folder, as perdure dev keeps them
  $ perdure snapshots list shopping-cart --log sqlite:/var/lib/shop/log.db
  $ perdure snapshots show shopping-cart ann
  $ perdure snapshots drop shopping-cart ann             of one entity
  $ perdure snapshots drop shopping-cart                 of all entities of a type
  $ perdure snapshots drop --all --log nats://localhost/shop
`;

const NOTES = `
A snapshot only saves time: without it the entity's events are replayed, all of them. Drop snapshots after a change of the
code that gives the events another meaning, if the code declares no other snapshotVersion. Values have no snapshots.

The type of an entity is its persistence id. A log in a file is refused while a proxy has it open; one on NATS is not, and
its proxies go on.

Exit codes: 0 done, 1 failed or nothing to show, 2 wrong usage.`;

interface Flags extends LogFlags {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** Snapshots that are dropped at the same time. */
const DROPS = 64;

/** `perdure snapshots`. */
export function snapshotsCommand(): Command {
  const command = new Command("snapshots")
    .summary("list, show and drop the snapshots in a log")
    .description("Lists, shows and drops the snapshots of event sourced entities in a log.")
    .addHelpText("before", EXAMPLES)
    .addHelpText("after", NOTES)
    .exitOverride()
    .showHelpAfterError("(perdure snapshots --help shows all)");
  withLogFlags(command.command("list"))
    .description("list the snapshots of all entities, or of those of one type")
    .argument("[type]", "persistence id of the entities")
    .option("--json", "one line of JSON for each")
    .action(list);
  withLogFlags(command.command("show"))
    .description("show the snapshot of one entity")
    .argument("<type>", "persistence id of the entity")
    .argument("<id>", "id of the entity")
    .option("--json", "as JSON")
    .action(show);
  withLogFlags(command.command("drop"))
    .description("drop the snapshot of one entity, of all entities of a type, or with --all of all")
    .argument("[type]", "persistence id of the entities")
    .argument("[id]", "id of the entity")
    .option("--all", "of all entities of all types")
    .action(drop);
  return command;
}

function withLogFlags(command: Command): Command {
  return command
    .allowExcessArguments(false)
    .option(
      "--log <address>",
      "sqlite:PATH or nats://HOST:PORT/PREFIX (env PERDURE_LOG, default the log that perdure dev keeps)",
    )
    .option("--dir <folder>", "folder of the function, for that default", ".");
}

async function list(type: string | undefined, flags: Flags): Promise<void> {
  await inLog(flags, async (log, address) => {
    let found = 0;
    for await (const snapshot of log.snapshots(type)) {
      found++;
      const shown = shownSnapshot(snapshot, false);
      print(flags.json === true ? JSON.stringify(shown) : listLine(shown));
    }
    if (flags.json !== true) print(`${count(found, "snapshot")} in ${shownAddress(address)}`);
  });
}

async function show(type: string, id: string, flags: Flags): Promise<void> {
  await inLog(flags, async (log, address) => {
    const entity = { type, id };
    const { snapshot } = await log.read(entity);
    if (snapshot === undefined) {
      throw new SnapshotsError("NOT_FOUND", `${nameOf(entity)} has no snapshot in ${shownAddress(address)}`);
    }
    const shown = shownSnapshot({ entity, ...snapshot }, true);
    if (flags.json === true) print(JSON.stringify(shown));
    else for (const line of showLines(shown)) print(line);
    if ("problem" in shown) throw new SnapshotsError("FAILED", shown.problem);
  });
}

async function drop(type: string | undefined, id: string | undefined, flags: Flags): Promise<void> {
  if (flags.all === true ? type !== undefined : type === undefined) {
    throw new SnapshotsError("BAD_USAGE", "say which snapshots: TYPE ID, TYPE, or --all alone");
  }
  await inLog(flags, async (log, address) => {
    if (type !== undefined && id !== undefined) {
      const entity = { type, id };
      const { snapshot } = await log.read(entity);
      await log.dropSnapshot(entity);
      const done = snapshot === undefined ? "there was no snapshot of" : "dropped the snapshot of";
      print(`${done} ${nameOf(entity)} in ${shownAddress(address)}`);
    } else {
      print(`dropped ${count(await dropAll(log, type), "snapshot")} in ${shownAddress(address)}`);
    }
  });
}

async function dropAll(log: EventLog, type: string | undefined): Promise<number> {
  let dropped = 0;
  let next: EntityKey[] = [];
  const dropNext = async (): Promise<void> => {
    await Promise.all(next.map((entity) => log.dropSnapshot(entity)));
    dropped += next.length;
    next = [];
  };
  for await (const { entity } of log.snapshots(type)) {
    next.push(entity);
    if (next.length >= DROPS) await dropNext();
  }
  await dropNext();
  return dropped;
}

async function inLog(flags: Flags, work: (log: EventLog, address: string) => Promise<void>): Promise<void> {
  // The reader of the output may close it early, as `head` does.
  process.stdout.on("error", () => undefined);
  const address = logAddress(flags, process.env, process.cwd());
  await withLog(address, process.env, (log) => work(log, address));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
