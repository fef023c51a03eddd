import { SingleBar } from "cli-progress";

/** Tells a person how a long command comes along. */
export type Meter = {
  /**
   * @param count Things done.
   * @param at Place within the whole.
   */
  show(count: number, at: number): void;
  end(): void;
};

/** Time between two lines where there is no terminal to draw on, in milliseconds. */
const lineIntervalMs = 5_000;

/** Where a meter is shown, and what time it is in milliseconds. */
export type MeterPlace = {
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly now: () => number;
};

const here: MeterPlace = { stream: process.stderr, now: () => performance.now() };

/**
 * A bar on a terminal, with rate and time left; elsewhere a line now and then.
 *
 * @param things What is counted, such as "users".
 * @param whole The largest place. `undefined`: unknown, then there is no bar.
 * @param place Default: stderr.
 */
export function createMeter(things: string, whole: number | undefined, place = here): Meter {
  const startedAt = place.now();
  const rateOf = (count: number) =>
    numberText(Math.round((count * 1000) / Math.max(1, place.now() - startedAt)));
  return place.stream.isTTY && whole !== undefined
    ? createBar(things, whole, rateOf, place)
    : createLines(things, whole, rateOf, place);
}

function createBar(
  things: string,
  whole: number,
  rateOf: (count: number) => string,
  { stream }: MeterPlace,
): Meter {
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {count} ${things} | {rate}/s | {eta_formatted} left`,
    stream,
    hideCursor: true,
    etaBuffer: 50,
  });
  bar.start(whole, 0, { count: "0", rate: "0" });
  const signals = ["SIGINT", "SIGTERM"] as const;
  const end = () => {
    for (const signal of signals) process.off(signal, giveBack);
    bar.stop();
  };
  // The cursor is hidden and long lines are cut: who stops us wants the terminal as it was.
  const giveBack = (signal: NodeJS.Signals) => {
    end();
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, giveBack);
  return {
    show: (count, at) => bar.update(at, { count: numberText(count), rate: rateOf(count) }),
    end,
  };
}

function createLines(
  things: string,
  whole: number | undefined,
  rateOf: (count: number) => string,
  { stream, now }: MeterPlace,
): Meter {
  let shownAt = now();
  return {
    show(count, at) {
      if (now() - shownAt < lineIntervalMs) return;
      shownAt = now();
      const share = whole ? `, ${Math.floor((100 * at) / whole)}%` : "";
      stream.write(`${numberText(count)} ${things}, ${rateOf(count)}/s${share}\n`);
    },
    end() {},
  };
}

const numberText = (number: number) => number.toLocaleString("en");
