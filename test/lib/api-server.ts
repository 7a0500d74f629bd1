// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import type { ApiAccess, JsonObject } from "../../pkg/k8s/mod.ts";
import { makeCertificates } from "../../pkg/k8s/mod.ts";

/**
 * The part of a Kubernetes API server that tests of its clients need, over real HTTPS: get, list and watch of objects
 * by name, update by compare-and-set on the version, apply of webhook configurations. It can also be made to fail.
 */
export interface ApiServer {
  readonly access: ApiAccess;
  /** Requests as `METHOD /path`, watches as `WATCH /path`, in order. */
  readonly requests: string[];
  /** Creates or changes an object, as another client would. Undefined deletes it. */
  put(path: string, object: JsonObject | undefined): void;
  get(path: string): JsonObject | undefined;
  /** Answers the next `times` requests with this status. */
  failNext(status: number, times?: number): void;
  /** Called before a write is carried out. */
  beforeWrite: (() => void) | undefined;
  /** Ends all watches. With `true` the connections are reset, as when the process dies. */
  endWatches(abruptly: boolean): void;
  /** The next watch gets the error that its resource version is too old. */
  forgetPlaces(): void;
  readonly watches: number;
  close(): Promise<void>;
}

interface Watch {
  readonly collection: string;
  readonly name: string;
  readonly response: ServerResponse;
}

export async function startApiServer(): Promise<ApiServer> {
  const certificates = await makeCertificates(["localhost"], Date.now(), 3_600_000);
  const store = new ObjectStore();
  const requests: string[] = [];
  let failures = { status: 0, times: 0 };

  const server = createServer(
    { cert: certificates.cert, key: certificates.key },
    (request, response) => void serve(request, response),
  );
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));

  const api: ApiServer = {
    access: {
      host: "localhost",
      port: (server.address() as AddressInfo).port,
      ca: certificates.ca.join("\n"),
      token: () => Promise.resolve("secret-token"),
    },
    requests,
    put: (path, object) => store.put(path, object),
    get: (path) => store.get(path),
    failNext(status, times = 1) {
      failures = { status, times };
    },
    beforeWrite: undefined,
    endWatches: (abruptly) => store.endWatches(abruptly),
    forgetPlaces: () => store.forgetPlaces(),
    get watches() {
      return store.watches;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
  return api;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "https://localhost");
    const isWatch = query.get("watch") === "true";
    requests.push(`${isWatch ? "WATCH" : request.method} ${path}`);
    if (request.headers.authorization !== "Bearer secret-token")
      return reply(response, 401, status("Unauthorized"));
    if (failures.times > 0) {
      failures.times -= 1;
      return reply(response, failures.status, status("made to fail"));
    }
    const name = query.get("fieldSelector")?.replace("metadata.name=", "");
    if (isWatch) return store.watch(path, name ?? "", Number(query.get("resourceVersion")), response);
    if (request.method === "GET") return read(store, path, name, response);
    await write(store, path, request, response, () => api.beforeWrite?.());
  }
}

/** Answers with an object, or with the list of those in a collection that have the name. */
function read(store: ObjectStore, path: string, name: string | undefined, response: ServerResponse): void {
  if (name !== undefined) {
    const found = store.get(`${path}/${name}`);
    const items = found === undefined ? [] : [found];
    return reply(response, 200, { items, metadata: { resourceVersion: String(store.version) } });
  }
  const current = store.get(path);
  if (current === undefined) reply(response, 404, status(`${nameOf(path)} not found`));
  else reply(response, 200, current);
}

/** Changes an object, if the request has its version. */
async function write(
  store: ObjectStore,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  beforeWrite: () => void,
): Promise<void> {
  const current = store.get(path);
  if (current === undefined) return reply(response, 404, status(`${nameOf(path)} not found`));
  const body = JSON.parse(await textOf(request)) as JsonObject;
  beforeWrite();
  const asked = objectOf(body["metadata"])["resourceVersion"];
  if (asked !== objectOf(store.get(path)?.["metadata"])["resourceVersion"]) {
    return reply(response, 409, status("the object has been modified"));
  }
  store.put(path, request.method === "PATCH" ? merged(current, body) : body);
  reply(response, 200, store.get(path) ?? {});
}

/** The objects, by path, and who watches them. Every change has a version of its own. */
class ObjectStore {
  readonly #objects = new Map<string, JsonObject>();
  readonly #watches = new Set<Watch>();
  #version = 1;
  #isForgotten = false;

  get version(): number {
    return this.#version;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get(path: string): JsonObject | undefined {
    return this.#objects.get(path);
  }

  put(path: string, object: JsonObject | undefined): void {
    this.#version += 1;
    const old = this.#objects.get(path);
    const stored = {
      ...(object ?? old),
      metadata: {
        ...objectOf((object ?? old)?.["metadata"]),
        name: nameOf(path),
        resourceVersion: String(this.#version),
      },
    };
    if (object === undefined) this.#objects.delete(path);
    else this.#objects.set(path, stored);
    const type = object === undefined ? "DELETED" : old === undefined ? "ADDED" : "MODIFIED";
    for (const watch of this.#watches) {
      if (`${watch.collection}/${watch.name}` === path) send(watch.response, { type, object: stored });
    }
  }

  /** Sends what happens to the object after the version `since`. */
  watch(collection: string, name: string, since: number, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    if (this.#isForgotten) {
      this.#isForgotten = false;
      send(response, { type: "ERROR", object: { ...status("too old resource version"), code: 410 } });
      response.end();
      return;
    }
    const watch = { collection, name, response };
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
    const object = this.#objects.get(`${collection}/${name}`);
    const current = Number(objectOf(object?.["metadata"])["resourceVersion"] ?? 0);
    if (object !== undefined && current > since) send(response, { type: "MODIFIED", object });
    send(response, { type: "BOOKMARK", object: { metadata: { resourceVersion: String(this.#version) } } });
  }

  endWatches(abruptly: boolean): void {
    for (const { response } of this.#watches) {
      if (abruptly) response.destroy();
      else response.end();
    }
    this.#watches.clear();
  }

  forgetPlaces(): void {
    this.#isForgotten = true;
  }
}

/** Server-side apply, as far as webhook configurations need it: webhooks are merged by name. */
function merged(current: JsonObject, body: JsonObject): JsonObject {
  const changes = new Map(objectsOf(body["webhooks"]).map((each) => [each["name"], each]));
  const webhooks = objectsOf(current["webhooks"]).map((each) => ({
    ...each,
    clientConfig: {
      ...objectOf(each["clientConfig"]),
      ...objectOf(changes.get(each["name"])?.["clientConfig"]),
    },
  }));
  return { ...current, webhooks };
}

function reply(response: ServerResponse, code: number, body: JsonObject): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function send(response: ServerResponse, event: JsonObject): void {
  response.write(`${JSON.stringify(event)}\n`);
}

function status(message: string): JsonObject {
  return { kind: "Status", status: "Failure", message };
}

function objectOf(value: unknown): JsonObject {
  return (value ?? {}) as JsonObject;
}

function objectsOf(value: unknown): readonly JsonObject[] {
  return (value ?? []) as readonly JsonObject[];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
