// The bill of materials of the package, in CycloneDX: what is bundled into it, and what it depends on.
// npm makes it from a lock file that holds nothing else, because `npm sbom --omit dev` also leaves out
// packages that a development dependency needs, too.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * @param root The folder of package.json and package-lock.json.
 * @param without Packages that the package does not have, although one of its dependencies names them.
 * @returns The same text for the same lock file: it has no serial number, and a time only if
 *   SOURCE_DATE_EPOCH gives one.
 */
export function billOfMaterials(root, without = []) {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-sbom-"));
  try {
    const name = writeProductionFiles(root, folder, without);
    const argv = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
    const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
    return reproducible(JSON.parse(execFileSync("npm", argv, options)), name);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns The name of the package. */
function writeProductionFiles(root, folder, without) {
  const read = (name) => JSON.parse(readFileSync(join(root, name), "utf8"));
  const { name, version, license, description, ...rest } = read("package.json");
  // The Node.js that a checkout brings along is no part of the package.
  const { dependencies: all, optionalDependencies: ours } = rest;
  const omit = (each) =>
    Object.fromEntries(
      Object.entries(each).filter(([dependency]) => !without.includes(dependency)),
    );
  const dependencies = omit(all);
  const manifest = { name, version, license, description, dependencies };
  const lock = read("package-lock.json");
  const packages = Object.fromEntries(
    Object.entries(lock.packages)
      .filter(
        ([path, { dev, devOptional }]) =>
          path !== "" &&
          !dev &&
          !devOptional &&
          !(nameOf(path) in ours) &&
          !without.includes(nameOf(path)),
      )
      .map(([path, { dependencies: needed = {}, ...entry }]) => [
        path,
        { ...entry, dependencies: omit(needed) },
      ]),
  );
  const write = (file, value) => writeFileSync(join(folder, file), JSON.stringify(value));
  write("package.json", manifest);
  write("package-lock.json", { ...lock, packages: { "": manifest, ...packages } });
  return name;
}

/** `pg` for `node_modules/x/node_modules/pg`. */
function nameOf(path) {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function reproducible({ serialNumber: _, ...bom }, name) {
  const { timestamp: _now, tools: _npm, ...metadata } = bom.metadata;
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const time = epoch && { timestamp: new Date(Number(epoch) * 1_000).toISOString() };
  // npm names the root after its folder.
  const component = { ...metadata.component, name };
  return `${JSON.stringify({ ...bom, metadata: { ...time, ...metadata, component } }, null, 2)}\n`;
}
