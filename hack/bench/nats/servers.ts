// SPDX-License-Identifier: Apache-2.0

import type { SyncInterval } from "../cases.ts";
import { startPublisher } from "../job-process.ts";
import type { ProxySide, Servers, ServersSettings } from "../servers.ts";
import { requestsTo, startPlainServers } from "../servers.ts";
import { makeLog, startServer } from "./server.ts";

/**
 * Starts the servers of the cases with NATS: one server of NATS for each way to sync, a proxy in front of each, and
 * two publishers.
 */
export async function startNatsServers(settings: ServersSettings): Promise<Servers> {
  const { children, loader, folder, streams, against } = settings;
  await using undo = new AsyncDisposableStack();
  const start = async (sync: SyncInterval) => undo.use(await startServer(folder, sync, sync));
  const nats = { default: await start("default"), always: await start("always") };
  const plain = undo.use(await startPlainServers(settings));
  const startProxy = async (sync: SyncInterval, side: ProxySide) => {
    const log = await makeLog(nats[sync], `rows${side}`, streams);
    const proxy = await plain.startProxy(`nats-${sync}`, side, { log });
    return undo.adopt(proxy, (started) => started.stop());
  };
  const startProxies = async (side: ProxySide) => {
    const [proxy, syncedProxy] = [await startProxy("default", side), await startProxy("always", side)];
    const ports = { ...plain.ports, "nats default": proxy.port, "nats always": syncedProxy.port };
    return { proxy, request: requestsTo(loader, ports) };
  };
  const { proxy, request } = await startProxies("");
  const other = against === undefined ? undefined : await startProxies("-other");
  const logs = {
    default: await makeLog(nats.default, "published", streams),
    always: await makeLog(nats.always, "published", streams),
  };
  const publishers = { bare: startPublisher(children, "bare"), own: startPublisher(children, "own") };
  for (const publisher of Object.values(publishers)) undo.defer(() => publisher.stop());

  const kept = undo.move();
  return {
    runCase: (what, measured, job) => {
      if (measured.kind === "call") return request(what, measured, job);
      return publishers[measured.publisher].run(what, { ...job, log: logs[measured.sync] });
    },
    runOther: other?.request,
    proxy,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
