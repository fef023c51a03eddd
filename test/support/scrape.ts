/** What a server exposes to Prometheus: values by series, such as `a_total{b="c"}`. */
export async function scrape(url: string): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`${url}/debug/metrics`);
  if (answer.status !== 200) throw new Error(`metrics answered ${answer.status}`);
  return samplesFrom(await answer.text());
}

/** @throws Error if a line is neither a comment nor a sample. */
export function samplesFrom(text: string): Readonly<Record<string, number>> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
  return Object.fromEntries(
    lines.map((line) => {
      const [, series = "", value] =
        /^([a-z_]\w*(?:\{(?:[a-z_]+="[^"\\\n]*",?)+\})?) (\S+)$/.exec(line) ?? [];
      if (series === "" || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`);
      return [series, Number(value)];
    }),
  );
}
