import { defineConfig } from "vitest/config";

// biome-ignore lint/style/noDefaultExport: vitest reads the configuration from there
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/postgres-setup.ts"],
    // For the slowest machine: a test that hangs is found all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
