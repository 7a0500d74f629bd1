// SPDX-License-Identifier: Apache-2.0

import { EventLogError, parseEventLogAddress } from "../eventlog/address/mod.ts";
import type { Form, Reading } from "../settings/mod.ts";
import { anyText, listOf, textThat } from "../settings/mod.ts";

export const image: Form<string> = textThat(
  (text) => /^[A-Za-z0-9][\w./:@-]{0,511}$/.test(text),
  "a reference of an image, like registry.example/perdure-proxy:0.1.0",
  "a reference of an image",
);

export const images: Form<readonly string[]> = listOf(image, image.shown);

/** The name of an object of Kubernetes (RFC 1123). */
export const objectName: Form<string> = textThat(
  (text) => text.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text),
  "the name of an object: small letters, digits, - and .",
  "a name",
);

/** Where spans go. Empty: nowhere. */
export const otlpEndpoint: Form<string> = {
  ...anyText,
  shown: "`http://HOST:PORT` or `https://HOST:PORT`",
  read: (text) => {
    const mustBe = "http://HOST:PORT or https://HOST:PORT";
    if (text === "") return { value: text };
    if (!/^https?:\/\/./.test(text) || !URL.canParse(text)) return { mustBe };
    const { username, password, pathname, search, hash } = new URL(text);
    if (username !== "" || password !== "") {
      return { mustBe, because: "anybody could read a password here: let a Collector add it" };
    }
    const because = "OTLP over gRPC has no path; that of OTLP over HTTP is another port";
    return pathname === "/" && search === "" && hash === "" ? { value: text } : { mustBe, because };
  },
};

/** How metrics are sent. Empty: not at all. */
export const metricsExporter: Form<string> = textThat(
  (text) => ["", "otlp", "none"].includes(text),
  "otlp or none",
  "`otlp`, `none`",
);

/** A part of all. Empty: all. */
export const part: Form<string> = textThat(
  (text) => text === "" || (/^(0|1|[01]?\.\d+)$/.test(text) && Number(text) <= 1),
  "a number from 0 to 1",
  "0 to 1",
);

/** NATS servers that form one cluster. */
export interface NatsServers {
  readonly kind: "nats";
  readonly isTls: boolean;
  /** `host:port` of each, in small letters. */
  readonly servers: readonly string[];
}

/** Where the state of a service is. */
export type LogAddress =
  | { readonly kind: "memory" }
  /** `prefix` is undefined if none was written. */
  | (NatsServers & { readonly prefix: string | undefined });

/** A place where logs may be, under any prefix. */
export type LogPlace = NatsServers | { readonly kind: "memory" };

/** The address of NATS servers, without a prefix. */
export const natsUrl: Form<NatsServers> = {
  shown: "`nats://HOST:PORT`, several servers with commas between them",
  read: (text) => {
    const mustBe = "nats://HOST:PORT";
    const reading = readAddress(text, mustBe);
    if ("mustBe" in reading) return reading;
    if (reading.value.kind === "memory") return { mustBe };
    const { prefix, ...servers } = reading.value;
    const because = "each service gets a prefix of its own, made of its namespace and name";
    return prefix === undefined ? { value: servers } : { mustBe: `${mustBe} without a prefix`, because };
  },
  write: shownServers,
};

/** The address of a log that outlives the pod, or of one in memory for trying things out. */
export const logAddress: Form<LogAddress> = {
  shown: "`nats://HOST:PORT/PREFIX`, `memory:`",
  read: (text) => readAddress(text, "nats://HOST:PORT/PREFIX or memory:"),
  write: (address) => {
    if (address.kind === "memory") return "memory:";
    return address.prefix === undefined
      ? shownServers(address)
      : `${shownServers(address)}/${address.prefix}`;
  },
};

const logPlace: Form<LogPlace> = {
  shown: "`nats://HOST:PORT`, `memory:`",
  read: (text) => (text === "memory:" ? { value: { kind: "memory" } } : natsUrl.read(text)),
  write: (place) => (place.kind === "memory" ? "memory:" : shownServers(place)),
};

export const logPlaces: Form<readonly LogPlace[]> = listOf(logPlace, logPlace.shown);

function shownServers({ isTls, servers }: NatsServers): string {
  return `${isTls ? "tls" : "nats"}://${servers.join(",")}`;
}

function readAddress(text: string, mustBe: string): Reading<LogAddress> {
  try {
    const address = parseEventLogAddress(text);
    if (address.kind === "sqlite") return { mustBe, because: "a file would end with its pod" };
    if (address.kind === "memory") return { value: { kind: "memory" } };
    if (address.credentials.kind !== "none") {
      const because = "anybody could read them here: they belong into the Secret";
      return { mustBe: `${mustBe}, without password or token`, because };
    }
    const { isTls, server, prefix } = address;
    const servers = server.toLowerCase().split(",");
    return { value: { kind: "nats", isTls, servers, prefix: hasPrefix(text) ? prefix : undefined } };
  } catch (error) {
    if (error instanceof EventLogError) return { mustBe, because: error.message };
    throw error;
  }
}

/** Whether a prefix follows the last server. The parser does not tell, because it fills in a default prefix. */
function hasPrefix(text: string): boolean {
  const afterServers = text.slice(text.lastIndexOf("//") + 2);
  const slash = afterServers.indexOf("/");
  return slash >= 0 && slash < afterServers.length - 1;
}
