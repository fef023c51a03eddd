import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

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
    // Many tests wait for a clock or a server. With two cores the default is one file at a time.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // For the slowest and busiest machine: a test that hangs is found all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
  },
});
