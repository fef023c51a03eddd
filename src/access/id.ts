import { randomInt } from "node:crypto";
import type { Micros } from "../store/event-store.ts";

/** 2019-04-29T00:00:00Z: where ZITADEL's ids count from. */
const epoch: Micros = Date.UTC(2019, 3, 29) * 1_000;
const microsPerTick = 10_000;
const idsPerTick = 256;
const machines = 65_536;

/**
 * Make ids in ZITADEL's sonyflake layout: ticks of 10 ms since 2019-04-29, an 8-bit counter, a 16-bit
 * machine id; written as a decimal string, 18 digits from March 2021 until March 2038.
 *
 * Each id of one generator is larger than the one before, whatever the clock does: the 257th id of a
 * tick, and every id made after the clock was set back, counts on from the latest tick and does not wait.
 *
 * The machine id is random per generator, so two generators can make the same id: whoever stores one
 * must refuse an id that is taken, and try another one.
 */
export function createIdGenerator(options: { readonly now: () => Micros }): () => string {
  const machine = randomInt(machines);
  let tick = 0;
  let counter = -1;

  return () => {
    const current = Math.floor((options.now() - epoch) / microsPerTick);
    const isUsedUp = counter === idsPerTick - 1;
    if (current > tick || isUsedUp) {
      tick = Math.max(current, tick + 1);
      counter = 0;
    } else {
      counter += 1;
    }
    return ((BigInt(tick) << 24n) | BigInt(counter * machines + machine)).toString();
  };
}
