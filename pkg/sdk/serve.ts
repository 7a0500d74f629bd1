// SPDX-License-Identifier: Apache-2.0

import { dirname, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { DescService } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Empty } from "@bufbuild/protobuf/wkt";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { handleUnaryCall } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";

import { ActionProtocol } from "../protocol/gen/cloudstate/action_pb.ts";
import type { EntitySpec, ProxyInfo, UserFunctionError } from "../protocol/gen/cloudstate/entity_pb.ts";
import { EntityDiscovery } from "../protocol/gen/cloudstate/entity_pb.ts";
import { EventSourced } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { ValueEntity } from "../protocol/gen/cloudstate/value_entity_pb.ts";
import { actionHandlers } from "./action-handlers.ts";
import { entitySpec, proxyFaults } from "./discovery.ts";
import type { Drainable } from "./entity-stream.ts";
import { entityHandler } from "./entity-stream.ts";
import { reportText, SdkError, textOf } from "./error.ts";
import { EventSourcedInstance } from "./event-sourced-instance.ts";
import { nearestPackage } from "./package-info.ts";
import type { Served } from "./served.ts";
import { servedServices } from "./served.ts";
import { serviceDefinition } from "./service-definition.ts";
import type { ServeOptions, ServeSettings } from "./settings.ts";
import { serveSettings } from "./settings.ts";
import { closeOnSignal } from "./signals.ts";
import { ValueEntityInstance } from "./value-entity-instance.ts";
import { SDK_VERSION } from "./version.ts";

export interface RunningServer {
  readonly host: string;
  /** The port that it listens on, also when 0 was asked for. */
  readonly port: number;
  /**
   * Takes nothing new, ends each entity's stream as soon as its command is answered, waits for calls of actions, and
   * resolves when all is closed. What is not answered after `drainTimeoutMs` is cut off.
   */
  close(): Promise<void>;
}

/**
 * Serves entities and actions to a proxy, until SIGTERM or SIGINT. Resolves when it listens.
 *
 * @throws SdkError `BAD_ENTITY`, `BAD_SETTING`, `PORT_IN_USE`, `CANNOT_LISTEN`.
 */
export function serve(options: ServeOptions): Promise<RunningServer>;
export function serve(...entities: readonly Served[]): Promise<RunningServer>;
export async function serve(...args: readonly [ServeOptions] | readonly Served[]): Promise<RunningServer> {
  const [first] = args;
  const options =
    first !== undefined && "entities" in first ? first : { entities: args as readonly Served[] };
  const settings = serveSettings(options, process.env);
  const streams = new Set<Drainable>();
  const server = new Server({
    "grpc.max_receive_message_length": settings.maxMessageBytes,
    "grpc.max_send_message_length": settings.maxMessageBytes,
  });
  server.addService(serviceDefinition(EntityDiscovery), discoveryHandlers(options, settings));
  addProtocols(server, options.entities, settings, streams);
  const port = await listen(server, settings);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= drain(server, streams, settings.drainTimeoutMs));
  const forget = settings.handleSignals ? closeOnSignal(close) : () => undefined;
  return {
    host: settings.host,
    port,
    close: () => {
      forget();
      return close();
    },
  };
}

function discoveryHandlers(
  options: ServeOptions,
  { log }: ServeSettings,
): {
  readonly discover: handleUnaryCall<ProxyInfo, EntitySpec>;
  readonly reportError: handleUnaryCall<UserFunctionError, Empty>;
} {
  const application = nearestPackage(dirname(resolve(process.argv[1] ?? ".")));
  const spec = entitySpec(
    options.entities,
    {
      name: options.serviceName ?? application?.name ?? "",
      version: options.serviceVersion ?? application?.version ?? "",
    },
    { name: "@perdure/sdk", version: SDK_VERSION },
  );
  return {
    discover: (call, answer) => {
      for (const fault of proxyFaults(call.request, options.entities)) log(`perdure: ${fault}`);
      answer(null, spec);
    },
    reportError: (call, answer) => {
      log(`perdure: the proxy reports: ${call.request.message}`);
      answer(null, create(EmptySchema));
    },
  };
}

/** Adds the protocol of every kind of service, even of a kind without services: the proxy calls only announced ones. */
function addProtocols(
  server: Server,
  entities: readonly Served[],
  { log, maxMessageBytes }: ServeSettings,
  streams: Set<Drainable>,
): void {
  const services = servedServices(entities);
  const report = (where: string, error: unknown): void => log(`perdure: ${reportText(where, error)}`);
  const options = { report, check: services.check };
  const eventSourcedOptions = {
    ...options,
    find: services.find("eventSourced"),
    maxMessageBytes,
    onLargeSnapshot: largeSnapshots(log),
  };
  server.addService(serviceDefinition(EventSourced), {
    handle: entityHandler(() => new EventSourcedInstance(eventSourcedOptions), streams),
  });
  server.addService(serviceDefinition(ValueEntity), {
    handle: entityHandler(
      () => new ValueEntityInstance({ ...options, find: services.find("value") }),
      streams,
    ),
  });
  const handlers = actionHandlers({ ...options, find: services.find("action") });
  server.addService(serviceDefinition(ActionProtocol), { ...handlers });
}

/** Logs a snapshot that was left out, once for each service. */
function largeSnapshots(log: ServeSettings["log"]) {
  const told = new Set<string>();
  return ({ service }: { readonly service: DescService }, entityId: string, bytes: number): void => {
    if (told.has(service.typeName)) return;
    told.add(service.typeName);
    log(
      `perdure: ${service.typeName}, entity ${entityId}: its snapshot of ${bytes} bytes is left out, since it does not fit ` +
        "into a message (maxMessageBytes): without snapshots all its events are replayed",
    );
  };
}

async function listen(server: Server, { host, port }: ServeSettings): Promise<number> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  try {
    return await new Promise((bound, failed) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, actual) =>
        error === null ? bound(actual) : failed(error),
      );
    });
  } catch (cause) {
    // grpc-js gives the reason as a text only.
    if (textOf(cause).includes("EADDRINUSE")) {
      throw new SdkError(
        "PORT_IN_USE",
        `port ${port} on ${host} is in use: stop what listens there, or choose another port with PORT`,
        { cause },
      );
    }
    throw new SdkError("CANNOT_LISTEN", `cannot listen on ${address}: ${textOf(cause)}`, { cause });
  }
}

async function drain(server: Server, streams: ReadonlySet<Drainable>, timeoutMs: number): Promise<void> {
  const drained = new Promise<void>((done) => {
    server.tryShutdown(() => done());
  });
  for (const stream of streams) stream.drain();
  await Promise.race([drained, delay(timeoutMs, undefined, { ref: false })]);
  server.forceShutdown();
}
