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

/** Shorter times say more about the clock and the first call of a function than about the work. */
const noiseMs = 0.05;

/**
 * How many times more work twice the input is: 2 if the work is linear, 4 if it is quadratic. Work that is
 * too short to be measured counts as none.
 *
 * @param prepare Makes the work for an input of that size.
 */
export function growth(prepare: (size: number) => () => void, size: number): number {
  const once = prepare(size);
  const twice = prepare(2 * size);
  // Functions become fast when they have run for a while.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    once();
    twice();
  }
  let least = Number.POSITIVE_INFINITY;
  // Another process may take the processor during all tries of one of the two, so that the ratio is wrong.
  for (let attempt = 0; attempt < 4 && least > 3; attempt += 1) {
    const [before, after] = [leastMs(once, 7), leastMs(twice, 7)];
    least = Math.min(least, after / Math.max(before, noiseMs));
  }
  return least;
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
