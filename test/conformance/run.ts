/**
 * Runs the official conformance suite against our listener: `npm run conformance -- [flags of the
 * runner]`. Needs Go 1.25 or newer, with which it installs the runner; the runner's protos are read
 * from its module.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const runnerModule = "connectrpc.com/conformance";
const version = "v1.0.5";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cache = join(root, "node_modules", ".cache", "conformance");
const descriptors = join(cache, "protos.binpb");
mkdirSync(cache, { recursive: true });

const go = (...args: string[]) =>
  execFileSync("go", args, {
    encoding: "utf8",
    env: { ...process.env, GOBIN: cache },
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();

go("install", `${runnerModule}/cmd/connectconformance@${version}`);
const protos = join(go("env", "GOMODCACHE"), `${runnerModule}@${version}`, "proto");
execFileSync(join(root, "node_modules", ".bin", "buf"), ["build", protos, "-o", descriptors]);

const here = join(root, "test", "conformance");
const { status } = spawnSync(
  join(cache, "connectconformance"),
  [
    ...["--mode", "server", "--conf", join(here, "config.yaml"), "-v"],
    ...process.argv.slice(2),
    ...["--", process.execPath, join(here, "server.ts"), descriptors],
  ],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
