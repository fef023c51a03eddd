import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { root, startGiraffe } from "../support/child.ts";
import { createPlace } from "./serving.ts";

/** The modules of this project that a command loads, such as `src/cli/run.ts`. */
async function modulesOf(...argv: string[]): Promise<string[]> {
  const { folder, database } = createPlace();
  const list = join(folder, "modules.json");
  const hook = join(folder, "list-modules.mjs");
  const text = `
    import { writeFileSync } from "node:fs";
    import { registerHooks } from "node:module";
    const urls = [];
    registerHooks({
      load(url, context, next) {
        urls.push(url);
        return next(url, context);
      },
    });
    process.on("exit", () => writeFileSync(${JSON.stringify(list)}, JSON.stringify(urls)));`;
  writeFileSync(hook, text);
  await startGiraffe(["org", "create", "Zoo", "--database", database]).ended;
  const { code } = await startGiraffe([...argv, "--database", database], { preload: hook }).ended;
  expect(code).toBe(0);
  const urls: string[] = JSON.parse(readFileSync(list, "utf8"));
  const folderUrl = pathToFileURL(root).href;
  return urls
    .filter((url) => url.startsWith(folderUrl))
    .map((url) => url.slice(folderUrl.length))
    .filter((path) => !path.startsWith("node_modules/"));
}

/** It is 93 now. There is room for files that are split, but none for `wire` or `rpc`. */
const mostModules = 110;

test("org list loads the directory, and no protocol, method or telemetry", async () => {
  const modules = await modulesOf("org", "list");
  expect(modules).toContain("src/cli/admin/org-list.ts");
  const foreign = /^(?:gen|src\/(?:wire|rpc|telemetry|console))\//;
  expect(modules.filter((path) => foreign.test(path))).toEqual([]);
  expect(modules.length).toBeLessThanOrEqual(mostModules);
});
