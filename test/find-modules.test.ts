import { expect, test } from "vitest";
import { root, runProgram } from "./support/child.ts";

/** In a process of its own: prints every import of a server, and the module that it leads to. */
const printFound = `
  import { registerHooks } from "node:module";
  import { findModulesFast } from "./src/find-modules.js";
  if (process.argv[1] === "fast") findModulesFast();
  const found = [];
  registerHooks({
    resolve(specifier, context, next) {
      const { url, format } = next(specifier, context);
      // Node.js itself says no format of its own modules.
      const what = url.startsWith("node:") ? "builtin" : format;
      if (context.conditions.includes("import")) found.push([specifier, context.parentURL, url, what]);
      return { url, format, shortCircuit: true };
    },
  });
  await import("./src/cli/run.ts");
  await import("./src/cli/serve/run-server.ts");
  await import("./src/store/postgres/database.ts");
  console.log(JSON.stringify(found));
`;

async function found(how: "fast" | "as Node.js does"): Promise<unknown[]> {
  const { stdout } = await runProgram(
    process.execPath,
    ["--input-type=module", "--eval", printFound, "--", how],
    { cwd: root },
  );
  return JSON.parse(stdout);
}

test("modules are found fast where Node.js finds them", async () => {
  const fast = await found("fast");
  expect(fast.length).toBeGreaterThan(1_000);
  expect(fast).toEqual(await found("as Node.js does"));
});
