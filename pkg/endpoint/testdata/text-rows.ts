// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";

import type { Init, Place, Refused, Taken } from "./value-places.ts";
import { entries, list, map, member, placesOf, same, spec } from "./value-places.ts";

// Bytes

const BYTES: readonly (readonly [text: string, bytes: readonly number[], query?: string])[] = [
  ["", []],
  ["AQI=", [1, 2]],
  ["AQI", [1, 2]],
  ["-_8", [251, 255]],
  ["-_8=", [251, 255]],
  ["+/8=", [251, 255]],
  ["+/8", [251, 255]],
  ["++++", [251, 239, 190]],
  ["----", [251, 239, 190]],
  ["+w==", [251]],
  ["-w", [251]],
  ["-_", [251]],
];

const NO_BYTES = [
  "A",
  "AAAAA",
  "A=",
  "AAA==",
  "=",
  "====",
  "A===",
  "AQ=I",
  "AQI=AQI=",
  "AQI=AQ",
  "A.",
  "AQI\u00e9",
  "!",
  // Both alphabets in one text.
  "+_8=",
  "-/8",
  "+_==",
];

export function takenBytes(): Taken[] {
  return placesOf("bytes", "bytesWrapped").flatMap((place) =>
    BYTES.map(([text, bytes]) => ({
      json: place.json(JSON.stringify(text)),
      message: place.message(new Uint8Array(bytes)),
      written: place.written(`"${Buffer.from(bytes).toString("base64")}"`),
      // A raw plus, as careless callers send it.
      ...(place.query && { query: place.query(text) }),
    })),
  );
}

export function refusedBytes(): Refused[] {
  return placesOf("bytes", "bytesWrapped").flatMap((place) => [
    ...NO_BYTES.map((text) => ({
      json: place.json(JSON.stringify(text)),
      ...(place.query && { query: place.query(encodeURIComponent(text)) }),
    })),
    ...["AQ I", " AQI", "AQI ", "AQ\tI", "AQ\u00a0I"].map((text) => ({
      json: place.json(JSON.stringify(text)),
      ...(place.query && { query: place.query(encodeURIComponent(text)) }),
    })),
    ...["1", "true", "[]"].map((text) => ({ json: place.json(text) })),
  ]);
}

// Dates and durations

const TIMES: readonly (readonly [text: string, seconds: bigint, nanos?: number, written?: string])[] = [
  ["0001-01-01T00:00:00Z", -62_135_596_800n],
  ["0001-01-01T00:00:00-00:01", -62_135_596_740n, 0, "0001-01-01T00:01:00Z"],
  ["0000-12-31T23:59:00-00:01", -62_135_596_800n, 0, "0001-01-01T00:00:00Z"],
  ["9999-12-31T23:59:59.999999999Z", 253_402_300_799n, 999_999_999],
  ["9999-12-31T23:59:59+00:01", 253_402_300_739n, 0, "9999-12-31T23:58:59Z"],
  ["1970-01-01T00:00:00Z", 0n],
  ["1969-12-31T23:59:59.999999999Z", -1n, 999_999_999],
  ["1970-01-01T00:00:00.1Z", 0n, 100_000_000, "1970-01-01T00:00:00.100Z"],
  ["1970-01-01T00:00:00.000001Z", 0n, 1_000],
  ["1970-01-01T00:00:00.000000000Z", 0n, 0, "1970-01-01T00:00:00Z"],
  ["2000-02-29T00:00:00Z", 951_782_400n],
  ["2024-02-29T23:59:59Z", 1_709_251_199n],
  ["1970-01-02T01:00:00+02:00", 82_800n, 0, "1970-01-01T23:00:00Z"],
  ["1970-01-01T00:00:00-11:30", 41_400n, 0, "1970-01-01T11:30:00Z"],
  ["1970-01-01T23:59:00+23:59", 0n, 0, "1970-01-01T00:00:00Z"],
  ["1970-01-01T00:00:00-00:00", 0n, 0, "1970-01-01T00:00:00Z"],
];

const NO_TIMES: readonly (readonly [text: string, unlikeGo?: string])[] = [
  ["2023-02-29T00:00:00Z"],
  ["1900-02-29T00:00:00Z"],
  ["2100-02-29T12:00:00Z"],
  ["2023-02-30T00:00:00Z"],
  ["2024-02-30T00:00:00Z"],
  ["2023-02-31T00:00:00Z"],
  ["2023-04-31T00:00:00Z"],
  ["2023-06-31T00:00:00Z"],
  ["2023-09-31T00:00:00Z"],
  ["2023-11-31T00:00:00Z"],
  ["2023-01-32T00:00:00Z"],
  ["2023-01-00T00:00:00Z"],
  ["2023-00-01T00:00:00Z"],
  ["2023-13-01T00:00:00Z"],
  ["2023-01-01T24:00:00Z"],
  ["2023-01-01T24:00:00.000Z"],
  ["2023-01-01T24:00:00+01:00"],
  ["2023-01-01T25:00:00Z"],
  ["2023-01-01T00:60:00Z"],
  ["2016-12-31T23:59:60Z"],
  ["2023-01-01T00:00:60Z"],
  ["2023-01-01T00:00:61Z"],
  ["2023-02-29T00:00:00.123456789Z"],
  ["2023-02-29T00:00:00+14:00"],
  ["2023-01-01T00:00:00+24:00", "Go's time.Parse takes 24 as the hour of an offset"],
  ["2023-01-01T00:00:00+25:00"],
  ["2023-01-01T00:00:00-99:00"],
  ["2023-01-01T00:00:00+00:60", "Go's time.Parse takes 60 as the minute of an offset"],
  ["2023-01-01T00:00:00+00:99"],
  ["0000-01-01T00:00:00Z"],
  ["0001-01-01T00:00:00+00:01"],
  ["9999-12-31T23:59:59-00:01"],
  ["10000-01-01T00:00:00Z"],
  ["-0001-01-01T00:00:00Z"],
  ["+002023-01-01T00:00:00Z"],
  ["999-01-01T00:00:00Z"],
  ["2023-1-01T00:00:00Z"],
  ["2023-01-1T00:00:00Z"],
  ["2023-01-01T0:00:00Z", "Go's time.Parse takes one digit as an hour"],
  ["2023-01-01"],
  ["2023-01-01T00:00Z"],
  ["2023-01-01T00:00:00"],
  ["2023-01-01 00:00:00Z"],
  ["2023-01-01t00:00:00Z"],
  ["2023-01-01T00:00:00z"],
  ["2023-01-01T00:00:00.Z"],
  ["2023-01-01T00:00:00,5Z", "Go's time.Parse takes a comma before the fraction"],
  ["2023-01-01T00:00:00.1234567890Z"],
  ["2023-01-01T00:00:00+0100"],
  ["2023-01-01T00:00:00+01"],
  [" 2023-01-01T00:00:00Z"],
  ["2023-01-01T00:00:00Z "],
  ["2023-01-01T00:00:00Z\n"],
  [""],
  ["yesterday"],
];

const SPANS: readonly (readonly [text: string, seconds: bigint, nanos?: number, written?: string])[] = [
  ["0s", 0n],
  ["-0s", 0n, 0, "0s"],
  ["1.5s", 1n, 500_000_000, "1.500s"],
  ["-1.5s", -1n, -500_000_000, "-1.500s"],
  ["-0.5s", 0n, -500_000_000, "-0.500s"],
  ["0.000000001s", 0n, 1],
  ["-0.000000001s", 0n, -1],
  ["315576000000s", 315_576_000_000n],
  ["-315576000000s", -315_576_000_000n],
  ["315576000000.999999999s", 315_576_000_000n, 999_999_999],
  ["-315576000000.999999999s", -315_576_000_000n, -999_999_999],
];

const NO_SPANS: readonly (readonly [text: string, unlikeGo?: string])[] = [
  ["315576000001s"],
  ["-315576000001s"],
  ["9007199254740993s"],
  ["1"],
  ["1s2"],
  ["1s "],
  ["1s\n"],
  ["1.5s1s"],
  ["1m"],
  ["1.0000000001s"],
  ["1.1234567891s"],
  ["1e3s"],
  ["0x1s"],
  ["+1s", "Go takes a plus"],
  [".5s", "Go takes a fraction alone"],
  ["1.s", "Go takes a point alone"],
  ["--1s"],
  ["s"],
  ["-s"],
  [""],
  ["forever"],
];

function specialPlaces(name: string): Place[] {
  const text = (value: string): string => JSON.stringify(value);
  const whole = (key: string, around: (text: string) => string): Pick<Place, "json" | "written"> => ({
    json: (value) => member(key, around)(text(value)),
    written: (value) => member(key, around)(text(value)),
  });
  const query = (value: string): string => encodeURIComponent(value).replaceAll("%2B", "+");
  const type = name === "time" ? "Timestamp" : "Duration";
  const url = `type.googleapis.com/google.protobuf.${type}`;
  const desc = spec.descriptors.registry.getMessage(`google.protobuf.${type}`) as DescMessage;
  return [
    {
      ...whole(`${name}One`, same),
      message: (value) => ({ [`${name}One`]: value }),
      // A raw plus before the offset.
      query: (value) => `${name}_one=${query(value)}`,
    },
    {
      ...whole(`${name}List`, list),
      message: (value) => ({ [`${name}List`]: [value, value] }),
      query: (value) => `${name}List=${query(value)}&${name}List=${query(value)}`,
    },
    { ...whole(`${name}Map`, map), message: (value) => ({ [`${name}Map`]: entries(value) }) },
    {
      ...whole(`${name}Chosen`, same),
      message: (value) => ({ choice: { case: `${name}Chosen`, value } }),
      query: (value) => `${name}Chosen=${query(value)}`,
    },
    {
      json: (value) => `"anyOne":{"value":${text(value)},"@type":"${url}"}`,
      written: (value) => `"value":${text(value)}`,
      message: (value) => ({ anyOne: anyPack(desc, create(desc, value as Init)) }),
    },
    {
      json: (value) => `"inner":{"innerList":[{"${name}One":${text(value)}}]}`,
      written: (value) => `"${name}One":${text(value)}`,
      message: (value) => ({ inner: { innerList: [{ [`${name}One`]: value }] } }),
    },
  ];
}

export function takenSpecials(): Taken[] {
  return (["time", "span"] as const).flatMap((name) =>
    specialPlaces(name).flatMap((place) =>
      (name === "time" ? TIMES : SPANS).map(([text, seconds, nanos = 0, written = text]) => ({
        json: place.json(text),
        message: place.message({ seconds, nanos }),
        written: place.written(written),
        ...(place.query && { query: place.query(text) }),
      })),
    ),
  );
}

export function refusedSpecials(): Refused[] {
  return (["time", "span"] as const).flatMap((name) =>
    specialPlaces(name).flatMap((place) =>
      (name === "time" ? NO_TIMES : NO_SPANS).map(([text, unlikeGo]) => ({
        json: place.json(text),
        ...(place.query && { query: place.query(text) }),
        ...(unlikeGo !== undefined && { unlikeGo }),
      })),
    ),
  );
}
