// SPDX-License-Identifier: Apache-2.0

import { EventLogError, parseEventLogAddress } from "../eventlog/address/mod.ts";

/** The value of a text, or, if the text is invalid, a phrase that says what would be valid. */
export type Reading<T> = { readonly value: T } | { readonly sense: string };

/** How the value of an annotation is written. */
export interface Form<T> {
  /** For the tables of the documentation: `30s`, `1 to 5`. */
  readonly shown: string;
  read(text: string): Reading<T>;
}

/** An amount of a resource, as Kubernetes writes it. */
export interface Quantity {
  readonly text: string;
  /** In the unit of the resource (bytes, processors), exact enough to compare two quantities. */
  readonly amount: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SUFFIXES = new Map<string, number>([
  ["m", 1e-3],
  ["", 1],
  ...["k", "M", "G", "T", "P", "E"].map((suffix, index): [string, number] => [suffix, 1e3 ** (index + 1)]),
  ...["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((suffix, index): [string, number] => [
    suffix,
    1_024 ** (index + 1),
  ]),
]);

export const boolean: Form<boolean> = {
  shown: "`true`, `false`",
  read: (text) =>
    text === "true" || text === "false" ? { value: text === "true" } : { sense: "is either true or false" },
};

export function oneOf<const T extends string>(...values: readonly T[]): Form<T> {
  return {
    shown: values.map((value) => `\`${value}\``).join(", "),
    read: (text) => {
      const value = values.find((each) => each === text);
      return value === undefined ? { sense: `is one of ${values.join(", ")}` } : { value };
    },
  };
}

export function wholeNumber(min: number, max: number): Form<number> {
  return {
    shown: `${min} to ${max}`,
    read: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? { value } : { sense: `is a whole number from ${min} to ${max}` };
    },
  };
}

/** In milliseconds; written as Knative writes it: `30s`, `1m30s`, `500ms`. */
export function duration(minMs: number, maxMs: number): Form<number> {
  const sense = `is a time like 500ms, 30s or 1m30s, from ${minMs}ms to ${maxMs / 3_600_000}h`;
  return {
    shown: "a time like `30s`",
    read: (text) => {
      if (!/^(?:\d{1,12}(?:ms|s|m|h))+$/.test(text)) return { sense };
      const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
      const value = parts.reduce(
        (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ""] ?? 0),
        0,
      );
      return value >= minMs && value <= maxMs ? { value } : { sense };
    },
  };
}

export const quantity: Form<Quantity> = {
  shown: "a quantity like `100m` or `256Mi`",
  read: (text) => {
    const [, digits = "", suffix = ""] = /^(\d{1,12}(?:\.\d{1,9})?)([A-Za-z]{0,2})$/.exec(text) ?? [];
    const factor = SUFFIXES.get(suffix);
    const amount = digits === "" || factor === undefined ? Number.NaN : Number(digits) * factor;
    return amount > 0
      ? { value: { text, amount } }
      : { sense: "is a quantity above zero, like 100m or 1 for processors and 256Mi for memory" };
  },
};

/** A quantity, or undefined for `none`. */
export const limit: Form<Quantity | undefined> = {
  shown: "a quantity, or `none`",
  read: (text) => {
    if (text === "none") return { value: undefined };
    const reading = quantity.read(text);
    return "value" in reading ? reading : { sense: `${reading.sense}, or none` };
  },
};

export const image: Form<string> = {
  shown: "a reference of an image",
  read: (text) =>
    /^[A-Za-z0-9][\w./:@-]{0,511}$/.test(text)
      ? { value: text }
      : { sense: "is a reference of an image, like registry.example/perdure-proxy:0.1.0" },
};

/** The name of an object of Kubernetes (RFC 1123). */
export const objectName: Form<string> = {
  shown: "a name",
  read: (text) =>
    text.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text)
      ? { value: text }
      : { sense: "is the name of an object: small letters, digits, - and ." },
};

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

/** The address of NATS servers, without a prefix. */
export const natsUrl: Form<NatsServers> = {
  shown: "`nats://HOST:PORT`, several servers with commas between them",
  read: (text) => {
    const reading = readAddress(text);
    if ("sense" in reading) return reading;
    if (reading.value.kind === "memory") return { sense: "is nats://HOST:PORT" };
    const { prefix, ...servers } = reading.value;
    return prefix === undefined
      ? { value: servers }
      : { sense: "has no prefix: each service gets one of its own, made of its namespace and name" };
  },
};

/** The address of a log that outlives the pod, or of one in memory for trying things out. */
export const logAddress: Form<LogAddress> = {
  shown: "`nats://HOST:PORT/PREFIX`, `memory:`",
  read: readAddress,
};

/** A place where logs may be, under any prefix. */
export type LogPlace = NatsServers | { readonly kind: "memory" };

export const logPlaces: Form<readonly LogPlace[]> = {
  shown: "`nats://HOST:PORT`, `memory:`, several with blanks between them",
  read: (text) => readList(text, readPlace),
};

function readPlace(text: string): Reading<LogPlace> {
  return text === "memory:" ? { value: { kind: "memory" } } : natsUrl.read(text);
}

export const images: Form<readonly string[]> = {
  shown: "references of images, with blanks between them",
  read: (text) => readList(text, image.read),
};

function readList<T>(text: string, read: (text: string) => Reading<T>): Reading<readonly T[]> {
  const values: T[] = [];
  for (const each of text.split(/\s+/).filter((each) => each !== "")) {
    const reading = read(each);
    if ("sense" in reading) return { sense: `is a list, each of which ${reading.sense}` };
    values.push(reading.value);
  }
  return { value: values };
}

function readAddress(text: string): Reading<LogAddress> {
  try {
    const address = parseEventLogAddress(text);
    if (address.kind === "sqlite") {
      return { sense: "is nats://HOST:PORT/PREFIX or memory:, since a file would end with its pod" };
    }
    if (address.kind === "memory") return { value: { kind: "memory" } };
    if (address.credentials.kind !== "none") {
      return {
        sense: "holds no password or token, which anybody could read there: they belong into the Secret",
      };
    }
    const { isTls, server, prefix } = address;
    const servers = server.toLowerCase().split(",");
    return { value: { kind: "nats", isTls, servers, prefix: hasPrefix(text) ? prefix : undefined } };
  } catch (error) {
    if (error instanceof EventLogError) return { sense: error.message };
    throw error;
  }
}

/** Whether a prefix follows the last server. The parser does not tell, because it fills in a default prefix. */
function hasPrefix(text: string): boolean {
  const afterServers = text.slice(text.lastIndexOf("//") + 2);
  const slash = afterServers.indexOf("/");
  return slash >= 0 && slash < afterServers.length - 1;
}
