import { readFileSync } from "node:fs";

/** The version of this release, such as `0.1.0`. The package keeps the path of the file that says it. */
export function releaseVersion(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
