// Writes gen/ from the .proto files, the OpenAPI document included: `node scripts/generate.js`. With
// --check it writes nothing, but fails with the names of the files in gen/ that are not what the
// .proto files give. Needs no network. Plain JavaScript, because this runs on whatever Node the
// machine has.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const binaries = join(root, "node_modules", ".bin");

function generate(folder) {
  // buf looks for protoc-gen-es on the path; the Node there runs TypeScript.
  const PATH = `${binaries}${delimiter}${process.env.PATH ?? ""}`;
  const options = { cwd: root, env: { ...process.env, PATH }, stdio: "inherit" };
  execFileSync(join(binaries, "buf"), ["generate", "--output", folder], options);
  const document = join(folder, "gen", "openapi.json");
  execFileSync("node", [join("scripts", "openapi", "main.ts"), document], options);
}

function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .map((path) => [relative(folder, path), readFileSync(path, "utf8")]),
  );
}

function staleFiles() {
  const folder = mkdtempSync(join(tmpdir(), "generate-"));
  try {
    generate(folder);
    const fresh = filesIn(join(folder, "gen"));
    const committed = filesIn(join(root, "gen"));
    const names = new Set([...fresh.keys(), ...committed.keys()]);
    return [...names].filter((name) => fresh.get(name) !== committed.get(name)).sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv.includes("--check")) {
  const stale = staleFiles();
  for (const name of stale) process.stderr.write(`gen/${name} is not current\n`);
  if (stale.length > 0) {
    process.stderr.write("run: npm run generate\n");
    process.exitCode = 1;
  }
} else {
  generate(root);
}
