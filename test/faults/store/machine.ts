import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { canTrace, failSync } from "../../support/strace.ts";
import { createRandom } from "../random.ts";
import { type Fault, serverOf, trial } from "./sqlite.ts";
import type { Trial } from "./trial.ts";

/** The disk of a SQLite file cannot keep what was written, or there is no memory left, while clients call the server. */
export const machineFaults: readonly Fault[] = [
  {
    name: "F19: a sync of the disk fails",
    times: { short: 2, long: 30 },
    needs: { what: "strace", isThere: canTrace },
    run: (seed, times) =>
      trial(seed, async (each) => {
        const random = createRandom(`${seed} syncs`);
        for (let strike = 0; strike < times; strike += 1) {
          await each.recorder.acknowledged(1 + random.int(200));
          const { pid } = serverOf(each);
          const { calls } = await failSync([pid], 1 + random.int(40));
          await stopsAtOnce(each);
          const last = (await calls).at(-1) ?? "";
          each.check(last.includes("EIO"), `synced after a failure: ${last}`);
          await each.start(0);
        }
        await each.recorder.acknowledged(100);
      }),
  },
  {
    name: "F19: SQLite says that a sync has failed",
    times: { short: 2, long: 60 },
    async run(seed, times) {
      const random = createRandom(`${seed} reported syncs`);
      const folder = mkdtempSync(join(tmpdir(), "giraffe-syncs-"));
      const file = join(folder, "fail");
      const preload = new URL("failing-sync.ts", import.meta.url);
      preload.searchParams.set("when", pathToFileURL(file).href);
      try {
        return await trial(
          seed,
          async (each) => {
            for (let strike = 0; strike < times; strike += 1) {
              await each.recorder.acknowledged(1 + random.int(300));
              writeFileSync(file, strike % 2 === 0 ? "kept" : "lost");
              await stopsAtOnce(each);
              await each.start(0);
            }
            await each.recorder.acknowledged(100);
          },
          { preload: preload.href },
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
  {
    name: "F20: the memory is full",
    times: { short: 1, long: 30 },
    run: (seed, times) =>
      trial(
        seed,
        async (each) => {
          const random = createRandom(`${seed} leaks`);
          for (let leak = 0; leak < times; leak += 1) {
            await each.recorder.acknowledged(1 + random.int(200));
            const server = serverOf(each);
            server.kill("SIGUSR2");
            const { code, stderr } = await server.ended;
            const isSaid = /^FATAL ERROR: .*JavaScript heap out of memory$/m.test(stderr);
            each.check(code === null && isSaid, `ended with ${code}: ${stderr}`);
            await each.start(0);
          }
          await each.recorder.acknowledged(100);
        },
        { nodeFlags: ["--max-old-space-size=96"], preload: leaking },
      ),
  },
];

/** The server says that the disk failed, and nothing else, and ends so that a supervisor starts it again. */
async function stopsAtOnce(each: Trial): Promise<void> {
  const { code, stderr } = await serverOf(each).ended;
  const isSaid = /^{"level":60,.*"msg":"the disk failed: stopping at once"}\n$/.test(stderr);
  each.check(code === 70 && isSaid, `ended with ${code}: ${stderr}`);
}

/** Loaded before a server: from SIGUSR2 on, it keeps ever more objects. */
const leaking = `data:text/javascript,${encodeURIComponent(`
  const held = [];
  const hold = () => held.push(Array.from({ length: 100_000 }, (_, number) => ({ number })));
  process.on("SIGUSR2", () => setInterval(hold, 1));
`)}`;
