import { defineConfig } from "vitest/config";

/** The tests that `npm run mutants` holds against changed code: those that need no database server. */
// biome-ignore lint/style/noDefaultExport: vitest reads the configuration from there
export default defineConfig({
  test: {
    include: ["test/store/change/**/*.test.ts", "test/wire/**/*.test.ts"],
    exclude: ["test/wire/linear.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000, interval: 20 } },
  },
});
