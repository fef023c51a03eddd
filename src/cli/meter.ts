import { SingleBar } from "cli-progress";

/** Tells a person how a long command comes along, on stderr. */
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

/**
 * A bar on a terminal, with rate and time left; elsewhere a line now and then.
 *
 * @param things What is counted, such as "users".
 * @param whole The largest place. `undefined`: unknown, then there is no bar.
 */
export function createMeter(things: string, whole: number | undefined): Meter {
  const startedAt = performance.now();
  const rateOf = (count: number) =>
    Math.round((count * 1000) / Math.max(1, performance.now() - startedAt)).toLocaleString("en");
  return process.stderr.isTTY && whole !== undefined
    ? createBar(things, whole, rateOf)
    : createLines(things, whole, rateOf);
}

function createBar(things: string, whole: number, rateOf: (count: number) => string): Meter {
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {count} ${things} | {rate}/s | {eta_formatted} left`,
    stream: process.stderr,
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
    show: (count, at) => bar.update(at, { count: count.toLocaleString("en"), rate: rateOf(count) }),
    end,
  };
}

function createLines(
  things: string,
  whole: number | undefined,
  rateOf: (count: number) => string,
): Meter {
  let shownAt = performance.now();
  return {
    show(count, at) {
      if (performance.now() - shownAt < lineIntervalMs) return;
      shownAt = performance.now();
      const share = whole ? `, ${Math.floor((100 * at) / whole)}%` : "";
      process.stderr.write(`${count.toLocaleString("en")} ${things}, ${rateOf(count)}/s${share}\n`);
    },
    end() {},
  };
}
