// SPDX-License-Identifier: Apache-2.0

import { request } from "node:http";
import { networkInterfaces } from "node:os";

/** A proxy under attack, on this machine. */
export interface DrainTarget {
  readonly adminPort: number;
  /**
   * Whether the proxy has a drain secret, which the attacker does not know. Without one a POST on loopback is
   * allowed, so it is not tried.
   */
  readonly hasSecret: boolean;
  /** This machine's addresses that requests are sent to. They stand for a sender in the same pod or in another pod. */
  readonly addresses: readonly string[];
}

export interface DrainReport {
  /** Requests that were sent. */
  readonly tried: number;
  /** Requests that were not refused, as `METHOD address {headers}`. */
  readonly accepted: readonly string[];
  /** Requests after which `/readyz` answered with another status than at the start. */
  readonly unready: readonly string[];
}

interface Attempt {
  readonly method: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a program of another machine or a web page may send. */
const SENDERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { origin: "https://evil.example" },
  { origin: "null" },
  { origin: "http://127.0.0.1" },
  { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
  { "sec-fetch-site": "same-site" },
  { host: "evil.example" },
  { host: "127.0.0.1.evil.example" },
  { host: "localhost.evil.example:9010" },
];

/** Guesses at the secret; undefined: the header is not sent. */
const SECRETS: readonly (string | undefined)[] = [undefined, "", "perdure", "x".repeat(43), "0".repeat(256)];

const METHODS = ["GET", "POST", "HEAD", "PUT", "OPTIONS"] as const;

/** Tries every forbidden way to drain a proxy, one after the other, and looks at its readiness after each. */
export async function attackDrain({ adminPort, hasSecret, addresses }: DrainTarget): Promise<DrainReport> {
  const before = await statusOf(adminPort, "/readyz", { method: "GET", address: "127.0.0.1", headers: {} });
  const accepted: string[] = [];
  const unready: string[] = [];
  let tried = 0;
  for (const attempt of attempts(addresses, hasSecret)) {
    tried++;
    const shown = `${attempt.method} ${attempt.address} ${JSON.stringify(attempt.headers)}`;
    if ((await statusOf(adminPort, "/drain", attempt)) < 400) accepted.push(shown);
    const readiness = { method: "GET", address: "127.0.0.1", headers: {} };
    if ((await statusOf(adminPort, "/readyz", readiness)) !== before) unready.push(shown);
  }
  return { tried, accepted, unready };
}

function* attempts(addresses: readonly string[], hasSecret: boolean): Generator<Attempt> {
  for (const address of addresses) {
    for (const method of METHODS) {
      for (const sender of SENDERS) {
        const isAllowed = !hasSecret && method === "POST" && sender === SENDERS[0] && address === "127.0.0.1";
        if (isAllowed) continue;
        for (const secret of SECRETS) {
          const header = secret === undefined ? {} : { "perdure-drain-secret": secret };
          yield { method, address, headers: { ...sender, ...header } };
        }
      }
    }
  }
}

/** An address of this machine that is not loopback: what comes by it looks as if from another machine. */
export function outsideAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ internal, family }) => !internal && family === "IPv4")?.address;
}

function statusOf(port: number, path: string, { method, address, headers }: Attempt): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: address, port, path, method, headers: { ...headers }, agent: false };
    const sent = request(options, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on("error", reject).end();
  });
}
