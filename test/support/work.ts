/** The time of a piece of work: the least of many tries, because other processes only ever add time. */
function leastMs(work: () => void, tries: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const startedAt = performance.now();
    work();
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

/** If the input is doubled, linear work grows by less than this, and quadratic work by more. */
export const linear = 3;

/** Also on a machine with many busy processes, a few of so many measurements are good. */
const maxMeasurements = 16;

/** Shorter times say more about the clock and the first call of a function than about the work. */
const noiseMs = 0.05;

/**
 * How many times more work twice the input is: 2 if the work is linear, 4 if it is quadratic. Work that is
 * too short to be measured counts as none.
 *
 * @param prepare Makes the work for an input of that size.
 * @param bound The result is expected to be below. Unless it is, measure again, because another process may have taken
 *   the processor during all tries of one of the two.
 */
export function growth(
  prepare: (size: number) => () => void,
  size: number,
  bound: number = linear,
): number {
  const once = prepare(size);
  const twice = prepare(2 * size);
  // Functions become fast when they have run for a while.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    once();
    twice();
  }
  const least = { once: Number.POSITIVE_INFINITY, twice: Number.POSITIVE_INFINITY };
  const ratio = () => least.twice / Math.max(least.once, noiseMs);
  for (let measurement = 0; measurement < maxMeasurements; measurement += 1) {
    least.once = Math.min(least.once, leastMs(once, 7));
    least.twice = Math.min(least.twice, leastMs(twice, 7));
    if (ratio() < bound) break;
  }
  return ratio();
}

/** The inputs that cost most, at a size at which a quadratic one stands out by far. */
export function worst<Input>(
  inputs: readonly Input[],
  prepare: (input: Input) => () => void,
  count: number,
): Input[] {
  return inputs
    .map((input) => ({ input, ms: leastMs(prepare(input), 2) }))
    .sort((one, other) => other.ms - one.ms)
    .slice(0, count)
    .map(({ input }) => input);
}
