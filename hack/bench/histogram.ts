// SPDX-License-Identifier: Apache-2.0

/** One tenth of a microsecond: the unit in which values are kept. */
const TICKS_PER_US = 10;
const MAX_TICKS = 2 ** 32 - 1;
/** Each power of two has 2^7 buckets, so none is wider than 1/128 of its value. */
const SUB_BITS = 7;
const SUB_BUCKETS = 2 ** SUB_BITS;
const BUCKETS = (32 - SUB_BITS + 1) * SUB_BUCKETS;

/**
 * Counts latencies from 0.1 µs to 7 minutes in bounded memory, each within 0.4 %: the idea of HdrHistogram. Up to 255
 * ticks each value has its own bucket. Above that, a value's bucket is given by its power of two and the seven bits
 * after the highest one.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(us: number): void {
    const bucket = bucketOf(Math.min(Math.max(Math.round(us * TICKS_PER_US), 0), MAX_TICKS));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
  }

  /**
   * The value in microseconds that this fraction of all values does not exceed (nearest rank); NaN if there is none.
   */
  quantileUs(fraction: number): number {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return middleOf(bucket) / TICKS_PER_US;
    }
    return Number.NaN;
  }
}

function bucketOf(ticks: number): number {
  if (ticks < 2 * SUB_BUCKETS) return ticks;
  const shift = 31 - Math.clz32(ticks) - SUB_BITS;
  return shift * SUB_BUCKETS + (ticks >>> shift);
}

/** The middle of a bucket in ticks; that of one tick is the tick itself. */
function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  const lowest = (SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1))) * 2 ** shift;
  return lowest + (2 ** shift - 1) / 2;
}
