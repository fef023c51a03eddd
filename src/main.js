#!/usr/bin/env node
// Plain JavaScript, because an old Node.js would report TypeScript as a syntax error, and because the
// compile cache has to be on before the first TypeScript is loaded. The cache saves 20 MB and 100 ms.
import * as module from "node:module";

/** Older versions have known holes in HTTP/2, such as CVE-2026-21714. */
const oldestNode = "24.14.1";

/** Makes versions comparable as texts. `localeCompare` can compare numbers, but costs 10 ms at the start. */
const sortable = (version) => version.replace(/\d+/g, (digits) => digits.padStart(6, "0"));

const { node } = process.versions;
if (sortable(node) < sortable(oldestNode)) {
  const remedy = import.meta.url.includes("/node_modules/")
    ? 'npx -p node@24 -c "giraffe COMMAND" runs a command with a newer one.'
    : "In the project's own folder, npm ci brings one along, and npm start and " +
      "npm run -s giraffe -- COMMAND use it.";
  process.stderr.write(
    `giraffe: Node ${node} is too old: ${oldestNode} or newer is needed. ${remedy}\n`,
  );
  process.exitCode = 1;
} else {
  // What --disable-proto=delete does, however the program is started: a key "__proto__" of a stranger is like any other.
  // Threads do it, too; see store/sqlite/thread/thread.ts.
  Reflect.deleteProperty(Object.prototype, "__proto__");
  module.enableCompileCache();
  // Not at the top: an old Node.js has no hooks, and is to get the message above.
  const { findModulesFast } = await import("./find-modules.js");
  findModulesFast();
  const { run } = await import("./cli/run.ts");
  process.exitCode = await run(process.argv.slice(2));
}
