import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Begins with small files that take long, because they run the tests of other files, or faults. Vitest begins with the largest
 * files, and on a fresh checkout it knows nothing else of them: so these would run at the end, when nothing is left to run beside.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      /\/(rpc\/.*\/postgres|faults\/\w+\/\w+|shards\/parted-search|serve\/log-upgrade)\.test\.ts$/.test(
        moduleId,
      );
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// Each test file has a process of its own, and most load the whole server. They compile it once for all.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "node-compile-cache");

// biome-ignore lint/style/noDefaultExport: vitest reads the configuration from there
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    coverage: {
      include: ["src/**"],
      reporter: ["text-summary", "html"],
      reportsDirectory: "dist/coverage",
    },
    globalSetup: ["test/support/postgres-setup.ts", "test/support/browser/browser-setup.ts"],
    // Node.js loads TypeScript by itself, as it does for users. With modules of Vite, tests of the API take a tenth to a third more.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // Many tests wait for a clock, a disk or a server. With two cores the default is one file at a time. Four take longer
    // than three, because then the cores are never idle.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Tests of one file that run at once, where they say that they may: all of those just wait.
    maxConcurrency: 40,
    sequence: { sequencer: LongFirst },
    // For the slowest and busiest machine: a test that hangs is found all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 20 } },
  },
});
