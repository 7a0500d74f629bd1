// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";

import { valuesSpec } from "./library-spec.ts";

export const spec = valuesSpec();
export const every = spec.descriptors.registry.getMessage("perdure.test.values.Every") as DescMessage;

export type Init = Readonly<Record<string, unknown>>;

/** A value that is taken. */
export interface Taken {
  /** The members of a JSON object. */
  readonly json: string;
  /** The message, in protobuf-es' own types. */
  readonly message: Init;
  /** The member of the answer's JSON, as it is written. */
  readonly written: string;
  /** The same as a query. It is not percent-encoded where a caller may leave that out. */
  readonly query?: string;
}

/** A value that is refused. */
export interface Refused {
  readonly json?: string;
  readonly query?: string;
  /** `WRONG_FIELD_TYPE` if it is left out. */
  readonly code?: string;
  /** Why the value is refused although protobuf's own parsers take it. `protojson.interop.test.ts` compares them. */
  readonly unlikeGo?: string;
}

/** A message as bytes. */
export function bytesOf(message: Init): Uint8Array {
  return toBinary(every, create(every, message));
}

/** A place where a value may be, and how JSON, the message, the answer and a query are written with it. */
export interface Place {
  readonly json: (text: string) => string;
  readonly message: (value: unknown) => Init;
  readonly written: (text: string) => string;
  readonly query?: (text: string) => string;
}

export const member = (key: string, around: (text: string) => string) => (text: string) =>
  `"${key}":${around(text)}`;
export const same = (text: string): string => text;
export const list = (text: string): string => `[${text},${text}]`;
export const map = (text: string): string => `{"__proto__":${text},"a":${text}}`;

/**
 * A map with the value under `__proto__`, a name that plain objects have already, and under `a`. Go gives the entries
 * of a map in this order.
 */
export function entries(value: unknown): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  Object.defineProperty(made, "__proto__", { value, enumerable: true, writable: true, configurable: true });
  made["a"] = value;
  return made;
}

const ANY = "type.googleapis.com/perdure.test.values.Every";

function packed(message: Init): unknown {
  return anyPack(every, create(every, message));
}

export function placesOf(name: string, wrapper?: string): Place[] {
  const one = member(`${name}One`, same);
  const both = (key: string, around = same) => ({ json: member(key, around), written: member(key, around) });
  const places: Place[] = [
    {
      ...both(`${name}One`),
      message: (value) => ({ [`${name}One`]: value }),
      query: (text) => `${name}One=${text}`,
    },
    {
      ...both(`${name}List`, list),
      message: (value) => ({ [`${name}List`]: [value, value] }),
      query: (text) => `${name}_list=${text}&${name}List=${text}`,
    },
    { ...both(`${name}Map`, map), message: (value) => ({ [`${name}Map`]: entries(value) }) },
    {
      ...both(`${name}Maybe`),
      message: (value) => ({ [`${name}Maybe`]: value }),
      query: (text) => `${name}_maybe=${text}`,
    },
    {
      ...both(`${name}Chosen`),
      message: (value) => ({ choice: { case: `${name}Chosen`, value } }),
      query: (text) => `${name}Chosen=${text}`,
    },
    {
      json: (text) => `"innerMap":{"k":{"inner_list":[{"inner":{${one(text)}}}]}}`,
      written: one,
      message: (value) => ({ innerMap: { k: { innerList: [{ inner: { [`${name}One`]: value } }] } } }),
    },
    {
      json: (text) => `"inner":{"inner":{${one(text)}}}`,
      written: one,
      message: (value) => ({ inner: { inner: { [`${name}One`]: value } } }),
      query: (text) => `inner.inner.${name}_one=${text}`,
    },
    {
      json: (text) => `"anyOne":{${one(text)},"@type":"${ANY}"}`,
      written: one,
      message: (value) => ({ anyOne: packed({ [`${name}One`]: value }) }),
    },
    {
      json: (text) => `"anyMap":{"k":{"@type":"${ANY}","any_list":[{"@type":"${ANY}",${one(text)}}]}}`,
      written: one,
      message: (value) => ({ anyMap: { k: packed({ anyList: [packed({ [`${name}One`]: value })] }) } }),
    },
  ];
  if (wrapper === undefined) return places;
  return [
    ...places,
    { ...both(wrapper), message: (value) => ({ [wrapper]: value }), query: (text) => `${wrapper}=${text}` },
    {
      ...both(`${wrapper}List`, list),
      message: (value) => ({ [`${wrapper}List`]: [{ value }, { value }] }),
      query: (text) => `${wrapper}List=${text}&${wrapper}List=${text}`,
    },
    {
      ...both(`${wrapper}Map`, map),
      message: (value) => ({ [`${wrapper}Map`]: entries({ value }) }),
    },
  ];
}
