#!/usr/bin/env node
// Plain JavaScript, unlike everything else: an old Node gets a sentence instead of a syntax error, and
// a current one finds the compile cache on before it meets the first type to strip, which saves
// 20 MB and 100 ms.
import * as module from "node:module";

/** Older ones have known holes in HTTP/2 (CVE-2026-21714 and its kin). */
const oldestNode = "24.14.1";

/** Versions in the order of numbers; to compare them as text of a language would cost 10 ms. */
const sortable = (version) => version.replace(/\d+/g, (digits) => digits.padStart(6, "0"));

const { node } = process.versions;
if (sortable(node) < sortable(oldestNode)) {
  process.stderr.write(
    `giraffe: Node ${node} is too old: ${oldestNode} or newer is needed. In the project's own ` +
      "folder, npm ci brings one along, and npm start and npm run -s giraffe -- COMMAND use it.\n",
  );
  process.exitCode = 1;
} else {
  module.enableCompileCache();
  const { run } = await import("./cli/run.ts");
  process.exitCode = await run(process.argv.slice(2));
}
