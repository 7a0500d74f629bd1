// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { DiscardPolicy, PersistMode, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { ExecutionContext } from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { managerOf } from "../../../test/lib/stream-manager.ts";
import { NO_POSITION } from "../event-log.ts";
import type { StreamKind } from "./layout.ts";
import { Layout } from "./layout.ts";
import { defaultJetStreamOptions } from "./options.ts";
import type { WantedStream } from "./stream-rules.ts";
import { eventStream, snapshotStream } from "./stream-rules.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };

interface Case {
  readonly kind?: StreamKind;
  /** The settings in which the stream differs from one that the log makes. */
  readonly wrong: Partial<StreamConfig>;
  /**
   * The flags of `nats stream edit` that the error names. Unset if the server does not allow this change. `edit` is
   * the same change through the API.
   */
  readonly flags?: string;
  readonly edit?: Partial<StreamConfig>;
}

const EDITABLE: readonly Case[] = [
  { wrong: { discard: DiscardPolicy.Old }, flags: "--discard new", edit: { discard: DiscardPolicy.New } },
  { wrong: { max_age: 1e12 }, flags: "--max-age 0", edit: { max_age: 0 } },
  { wrong: { max_msgs: 5 }, flags: "--max-msgs=-1", edit: { max_msgs: -1 } },
  {
    wrong: { max_msgs_per_subject: 5 },
    flags: "--max-msgs-per-subject=-1",
    edit: { max_msgs_per_subject: -1 },
  },
  { wrong: { allow_direct: false }, flags: "--allow-direct", edit: { allow_direct: true } },
  { wrong: { allow_rollup_hdrs: false }, flags: "--allow-rollup", edit: { allow_rollup_hdrs: true } },
  { wrong: { no_ack: true }, flags: "--ack", edit: { no_ack: false } },
  {
    wrong: { retention: RetentionPolicy.Interest },
    flags: "--retention limits",
    edit: { retention: RetentionPolicy.Limits },
  },
  {
    wrong: { subject_transform: { src: "r.ev.3.*.*", dest: "r.ev.4.{{wildcard(1)}}.{{wildcard(2)}}" } },
    flags: "--no-transform",
    edit: { subject_transform: undefined } as unknown as Partial<StreamConfig>,
  },
  {
    kind: "sn",
    wrong: { max_msgs_per_subject: -1 },
    flags: "--max-msgs-per-subject=1",
    edit: { max_msgs_per_subject: 1 },
  },
  {
    kind: "sn",
    wrong: { discard_new_per_subject: true },
    flags: "--no-discard-per-subject",
    edit: { discard_new_per_subject: false },
  },
];

const FIXED: readonly Case[] = [
  { wrong: { storage: StorageType.Memory } },
  { wrong: { retention: RetentionPolicy.Workqueue } },
  { wrong: { persist_mode: PersistMode.Async } },
  { wrong: { allow_msg_ttl: true } },
  { wrong: { allow_msg_schedules: true, discard: DiscardPolicy.Old } },
  { wrong: { sources: [{ name: "other" }] } },
];

const layout = new Layout("r", 1);

natsTest(
  "each wrong setting is refused with the command that mends it; after that the log opens",
  async (t) => {
    const { server, manager, make } = await world(t);
    for (const { kind = "ev", wrong, flags = "", edit = {} } of EDITABLE) {
      const name = await make(kind, wrong);
      const error = await refused(t, openLog(t, server, {}, "r"), "LOG_UNUSABLE");
      t.true(error.message.includes(`nats stream edit ${name} ${flags}; or choose`), error.message);
      t.true(error.message.includes(`${Object.keys(wrong)[0]} must be `), error.message);
      // The client's own update merges, and so cannot take a setting away.
      const { config } = await manager.streams.info(name);
      await manager.streams.update(name, { ...config, ...edit });
      const log = await openLog(t, server, { streams: 1 }, "r");
      const position = await log.append(ann, NO_POSITION, new Uint8Array(1));
      t.is((await log.read(ann)).records[0]?.position, position);
      await log.close();
      for (const each of ["ev", "sn"] as const) await manager.streams.delete(layout.streamOf(each, 0));
    }
  },
);

natsTest("a wrong setting that no stream gets rid of is refused with where to go instead", async (t) => {
  const { server, manager, make } = await world(t);
  for (const { wrong } of FIXED) {
    const name = await make("ev", wrong);
    const error = await refused(t, openLog(t, server, {}, "r"), "LOG_UNUSABLE");
    const setting = Object.keys(wrong)[0] ?? "";
    t.regex(error.message, new RegExp(`A stream keeps its (.* )?${setting}( .*)?: choose another prefix`));
    t.notRegex(error.message, /stream edit/);
    await manager.streams.delete(name);
  }
});

natsTest("a sealed stream and one that mirrors another are refused", async (t) => {
  const { server, manager, make } = await world(t);
  const name = await make("ev", {});
  await manager.streams.update(name, { sealed: true } as Partial<StreamConfig>);
  const sealed = await refused(t, openLog(t, server, {}, "r"), "LOG_UNUSABLE");
  t.regex(sealed.message, /sealed must be false.*A stream keeps its sealed/);
  await manager.streams.delete(name);

  await manager.streams.add({
    name,
    mirror: { name: "other" },
    discard: DiscardPolicy.New,
    allow_direct: true,
  });
  const mirror = await refused(t, openLog(t, server, {}, "r"), "LOG_UNUSABLE");
  t.regex(
    mirror.message,
    /mirror must be none .*subjects must contain .* r_ev_0 --no-mirror --subjects "r\.ev\.0\./,
  );
});

interface World {
  readonly server: string;
  readonly manager: JetStreamManager;
  /** Makes the stream as the log does, except for these settings. Resolves with its name. */
  make(kind: StreamKind, wrong: Partial<StreamConfig>): Promise<string>;
}

async function world(t: ExecutionContext): Promise<World> {
  const server = addressOf(await startServer(t));
  const manager = await managerOf(t, server);
  await manager.streams.add({ name: "other", subjects: ["other"] });
  const wanted = { ev: eventStream, sn: snapshotStream };
  const make = async (kind: StreamKind, wrong: Partial<StreamConfig>): Promise<string> => {
    const safe: WantedStream = wanted[kind](layout, 0, defaultJetStreamOptions);
    await manager.streams.add({ ...safe, ...wrong });
    return safe.name;
  };
  return { server, manager, make };
}
