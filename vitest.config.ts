import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

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
    // For the slowest and busiest machine: a test that hangs is found all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 20 } },
  },
});
