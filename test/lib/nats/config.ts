// SPDX-License-Identifier: Apache-2.0

/** The credentials that a client must present. Without them the server accepts every client. */
export type NatsAuth =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** The public key of an NKey, `U…`. */
  | { readonly kind: "nkey"; readonly publicKey: string };

export interface NatsServerConfig {
  /** The server's name inside a cluster. A stream's information names its leader by it. */
  readonly name: string;
  readonly port: number;
  /** JetStream keeps its store in it, in `jetstream`. */
  readonly folder: string;
  readonly jetstream: boolean;
  /** `always`: an acknowledged message is on the disk. `default`: within two minutes. */
  readonly syncInterval: "always" | "default";
  /** The most bytes of a message, its headers included; the server's default is 1 MiB. */
  readonly maxPayloadBytes?: number | undefined;
  /** The most bytes of all streams together; the server's default is three quarters of the free disk. */
  readonly maxStoreBytes?: number | undefined;
  readonly auth?: NatsAuth | undefined;
  readonly cluster?: NatsClusterConfig | undefined;
  /**
   * The port of 127.0.0.1 that clients are told to use, at which a proxy for the server listens. Default: the
   * server's own.
   */
  readonly advertisedPort?: number | undefined;
  /** More of the server's configuration, in its own language: accounts, permissions, TLS. */
  readonly more?: string | undefined;
}

export interface NatsClusterConfig {
  /** Where this server listens for the others. */
  readonly routePort: number;
  /** Of all servers of the cluster, this one included. */
  readonly routePorts: readonly number[];
}

/** How long a client may take to say who it is; long, since machines are busy. */
const AUTH_TIMEOUT_S = 30;

/** The text of a configuration file. The server listens on the loopback interface only. */
export function natsConfig(config: NatsServerConfig): string {
  const { name, port, maxPayloadBytes, auth, cluster, advertisedPort, more } = config;
  const parts = [
    `server_name: ${quote(name)}`,
    `listen: "127.0.0.1:${port}"`,
    // Port -1 is one of the system's choice.
    `http: "127.0.0.1:-1"`,
    maxPayloadBytes === undefined ? "" : `max_payload: ${maxPayloadBytes}`,
    advertisedPort === undefined ? "" : `client_advertise: "127.0.0.1:${advertisedPort}"`,
    config.jetstream ? jetstreamBlock(config) : "",
    auth === undefined ? "" : `authorization { timeout: ${AUTH_TIMEOUT_S}, ${authorization(auth)} }`,
    cluster === undefined ? "" : clusterBlock(cluster),
    more ?? "",
  ];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

function jetstreamBlock({ folder, syncInterval, maxStoreBytes }: NatsServerConfig): string {
  const lines = [
    `store_dir: ${quote(folder)}`,
    syncInterval === "always" ? "sync_interval: always" : "",
    maxStoreBytes === undefined ? "" : `max_file_store: ${maxStoreBytes}`,
  ];
  return block("jetstream", lines);
}

function clusterBlock({ routePort, routePorts }: NatsClusterConfig): string {
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`);
  return block("cluster", [
    "name: perdure",
    `listen: "127.0.0.1:${routePort}"`,
    `routes: [${routes.join(", ")}]`,
    // So a client uses only the addresses that it was given. Tests may have put a fault proxy in front of them.
    "no_advertise: true",
  ]);
}

function authorization(auth: NatsAuth): string {
  switch (auth.kind) {
    case "password":
      return `user: ${quote(auth.user)}, password: ${quote(auth.password)}`;
    case "token":
      return `token: ${quote(auth.token)}`;
    case "nkey":
      return `users: [{ nkey: ${auth.publicKey} }]`;
  }
}

function block(name: string, lines: readonly string[]): string {
  return `${name} {\n${lines
    .filter((line) => line !== "")
    .map((line) => `  ${line}\n`)
    .join("")}}`;
}

/** The server's language takes a string in double quotes, with backslash escapes as JSON has them. */
function quote(text: string): string {
  return JSON.stringify(text);
}
