// Bundles src/console/ into dist/console/, or does nothing if what is there was made of the same files.
// Plain JavaScript, because this runs on whatever Node the machine has.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const source = join(root, "src", "console");
const target = join(root, "dist", "console");
const pageFile = join(target, "index.html");
/** Beside the folder, because everything in it is served. */
const stamp = `${target}.sha256`;

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Of everything that the bundle is made of; of a package it is the version that counts. */
function digest() {
  const hash = createHash("sha256");
  const files = [...filesIn(source), ...filesIn(join(root, "gen"))];
  for (const file of [...files, join(root, "package-lock.json"), fileURLToPath(import.meta.url)]) {
    const bytes = readFileSync(file);
    hash.update(`${file.slice(root.length)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** Everything but the page has a digest in its name, so that browsers may keep it for ever. */
async function bundle({ build }) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: source,
    entryPoints: ["main.ts", "style.css", "giraffe.svg"],
    entryNames: "assets/[name]-[hash]",
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    loader: { ".svg": "copy" },
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  let page = readFileSync(join(source, "index.html"), "utf8");
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    page = page.replaceAll(`"${entryPoint}"`, `"/assets/${basename(path)}"`);
  }
  return [
    ...outputFiles.map(({ path, contents }) => ({ path, contents })),
    { path: pageFile, contents: page },
  ];
}

/** Brings the folder up to date: the page last of all, then the stamp. */
async function write(esbuild, current) {
  const files = await bundle(esbuild);
  mkdirSync(join(target, "assets"), { recursive: true });
  for (const { path, contents } of files) writeFileSync(path, contents);
  const paths = files.map(({ path }) => path);
  for (const path of filesIn(target)) if (!paths.includes(path)) rmSync(path, { force: true });
  writeFileSync(stamp, current);
}

const current = digest();
const isCurrent =
  existsSync(pageFile) && existsSync(stamp) && readFileSync(stamp, "utf8") === current;
if (!isCurrent) {
  const esbuild = await import("esbuild").catch(() => undefined);
  if (esbuild !== undefined) await write(esbuild, current);
  else process.stderr.write("the console is not built: esbuild is not installed\n");
}
