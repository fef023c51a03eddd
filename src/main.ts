import { enableCompileCache } from "node:module";

/** Older ones have known holes in HTTP/2 (CVE-2026-21714 and its kin). */
const oldestNode = "24.14.1";

/** A wrong command line or environment. */
const exitUsage = 2;

enableCompileCache();
process.exitCode = await main();

/** @returns The exit code. */
async function main(): Promise<number> {
  const { node } = process.versions;
  if (node.localeCompare(oldestNode, "en", { numeric: true }) < 0) {
    return fail(1, [
      `Node ${node} is too old: ${oldestNode} or newer is needed. ` +
        "npm ci brings one along; npm start and npm run -s giraffe -- COMMAND use it.",
    ]);
  }
  const { ConfigError } = await import("./config.ts");
  try {
    await run();
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return fail(exitUsage, error.problems);
    return fail(1, [error instanceof Error ? error.message : String(error)]);
  }
}

async function run(): Promise<void> {
  const { parseCommand } = await import("./cli/program.ts");
  const { availableLanguages } = await import("./service.ts");
  const command = parseCommand(process.argv.slice(2), availableLanguages());
  switch (command.name) {
    case "help":
      out(command.text.trimEnd());
      return;
    case "serve": {
      const { serve } = await import("./cli/serve.ts");
      return serve(command.config, out);
    }
    default: {
      const { administer } = await import("./cli/administer.ts");
      return administer(command, out);
    }
  }
}

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(code: number, problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`giraffe: ${problem}\n`);
  return code;
}
