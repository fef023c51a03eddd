import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the first test file that needs a browser unpacks it for all of them. */
    browserFolder: string;
  }
}

/** Once per run: a folder for the browser. */
export function setup({ provide }: Pick<TestProject, "provide">): () => void {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-browser-"));
  provide("browserFolder", folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
