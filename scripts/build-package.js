// Makes the package that people install: `npm run pack` writes dist/giraffe-profiles-giraffe-VERSION.tgz, and
// the same bytes for the same sources: npm gives all files one date, and the bill of materials has no time.
// Node does not strip types inside node_modules, so src/ and gen/ become JavaScript. They are bundled,
// together with those dependencies that are ES modules, because 30 files load in half the time of 240.
// Files are found by pattern, so a new file needs no change here.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { billOfMaterials } from "./bill-of-materials.js";

const root = fileURLToPath(new URL("../", import.meta.url));
/** Where the package is put: dist/, or the folder that is given. */
const out = process.argv[2] === undefined ? join(root, "dist") : resolve(process.argv[2]);
const target = join(out, "package");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .filter((file) => !file.startsWith(join(root, "src", "console", "/")));

/** How a file names the first file of a worker thread. */
const threadUrl = /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g;

const threads = sources.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(threadUrl)].map(([, name]) =>
    join(dirname(file), `${name}.ts`),
  ),
);

/** In the package all scripts are in lib/. The other files keep the paths that they have here. */
const findFiles = {
  name: "find-files",
  setup({ onLoad }) {
    const anyUrl = new RegExp(`${threadUrl.source}|import\\.meta\\.url`, "g");
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(anyUrl, (_, thread) =>
        thread === undefined
          ? `new URL("../${relative(root, path)}", import.meta.url)`
          : `new URL("./${thread}.js", import.meta.url)`,
      ),
      loader: "ts",
    }));
  },
};

/** A CommonJS package stays a dependency, because it does not work when it is bundled into an ES module. */
const isCommonJs = (name) => {
  const file = join(root, "node_modules", name, "package.json");
  return JSON.parse(readFileSync(file, "utf8")).type !== "module";
};
/** Its files are copied, because its own package has an install script. */
const viewer = "swagger-ui-dist";
const viewerFiles = [
  ...["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"],
  ...["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"],
];

const dependencies = Object.fromEntries(
  Object.entries(manifest.dependencies).filter(([name]) => isCommonJs(name) && name !== viewer),
);

async function buildScripts() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/main.js", "src/index.ts", ...threads],
    entryNames: "[name]",
    outdir: join(target, "lib"),
    bundle: true,
    splitting: true,
    external: Object.keys(dependencies),
    platform: "node",
    format: "esm",
    target: "node24",
    plugins: [findFiles],
    metafile: true,
    logLevel: "warning",
  });
  assertComplete(Object.keys(metafile.outputs));
  writeFileSync(join(target, "THIRD-PARTY.txt"), noticesOf(Object.keys(metafile.inputs)));
}

/** Fail if a script still names a .ts file: `findFiles` did not know that way to name a file. */
function assertComplete(files) {
  for (const file of files) {
    const script = readFileSync(join(root, file), "utf8");
    const [lost] = /["'`]\.\/[^"'`\n]*\.ts["'`]/.exec(script) ?? [];
    if (lost !== undefined) throw new Error(`${file} looks for ${lost}, which is not packed`);
  }
}

/** Licenses of bundled packages ask for this: their texts, and the notices at the heads of files. */
function noticesOf(files) {
  const notices = new Set();
  for (const file of files) {
    const [folder] = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
    if (folder === undefined) continue;
    const texts = readdirSync(join(root, folder))
      .filter((name) => /^(licen[cs]e|notice)/i.test(name))
      .map((name) => readFileSync(join(root, folder, name), "utf8"));
    const [head = ""] = /^(?:\/\/.*\n)+/.exec(readFileSync(join(root, file), "utf8")) ?? [];
    if (/copyright/i.test(head)) texts.push(head.replaceAll(/^\/\/ ?/gm, ""));
    for (const text of texts) notices.add(`${folder}\n\n${text}`);
  }
  return [...notices].join("\n\n");
}

/** Only src/index.ts gets types. They import no other file. */
function buildTypes() {
  // In here, because types of Node.js are looked for in the folders around it.
  mkdirSync(join(root, "dist"), { recursive: true });
  const folder = mkdtempSync(join(root, "dist", "types-"));
  const config = join(folder, "tsconfig.json");
  const options = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root };
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: options,
      include: [join(root, "src", "index.ts")],
      exclude: [],
    }),
  );
  const tsc = join(root, "node_modules", ".bin", "tsc");
  execFileSync(tsc, ["--project", config, "--outDir", folder], { stdio: "inherit" });
  cpSync(join(folder, "src", "index.d.ts"), join(target, "lib", "index.d.ts"));
  rmSync(folder, { recursive: true });
}

function copyFiles() {
  const read = sources.filter((file) => !/\.ts$|(main|find-modules)\.js$/.test(file));
  const others = ["gen/openapi.json", "dist/console", "LICENSE"];
  for (const file of [...read, ...others.map((name) => join(root, name))])
    cpSync(file, join(target, relative(root, file)), { recursive: true });
  cpSync(join(root, "docs", "package.md"), join(target, "README.md"));
  for (const name of viewerFiles)
    cpSync(join(root, "node_modules", viewer, name), join(target, "swagger-ui", name));
}

function writeManifest() {
  const { name, version, description, license, type } = manifest;
  const own = {
    ...{ name, version, description, license, type },
    engines: { node: ">=24.14.1" },
    bin: { giraffe: "lib/main.js" },
    exports: {
      ".": { types: "./lib/index.d.ts", default: "./lib/index.js" },
      "./package.json": "./package.json",
    },
    imports: { "#swagger-ui/*": "./swagger-ui/*" },
    dependencies,
  };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
}

rmSync(target, { recursive: true, force: true });
await buildScripts();
buildTypes();
copyFiles();
writeManifest();
// What the viewer depends on is a script that it would run when it is installed. Its files are copied without it.
writeFileSync(join(target, "sbom.cdx.json"), billOfMaterials(root, ["@scarf/scarf"]));
const destination = ["--pack-destination", out];
execFileSync("npm", ["pack", target, ...destination, "--loglevel", "error"], { stdio: "inherit" });
