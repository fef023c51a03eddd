import { readdirSync, readFileSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAst } from "vitest/node";

const maxFunctionLines = 80;

/** A longer file says at its head why. */
const maxFileLines = 250;
const headLines = 40;

const maxFilesBesideEachOther = 15;

/** One file for each language: a table, of which one row is read at a time. */
const tables = ["src/rpc/translate/texts"];

type Node = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Node => typeof value === "object" && value !== null;

const linesOf = (text: string) => text.trimEnd().split("\n").length;

/** The functions of a source that are too long: their first lines. */
function longFunctions(source: string): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (!isObject(value)) return;
    const { type, body, start, end } = value;
    if (/Function/.test(String(type)) && isObject(body)) {
      const text = source.slice(Number(start), Number(end));
      if (linesOf(text) > maxFunctionLines) found.push(String(text.split("\n")[0]));
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(parseAst(source, { lang: "ts" }));
  return found;
}

/** Whether a source is too long and does not say why. */
function isLongWithoutReason(source: string): boolean {
  if (linesOf(source) <= maxFileLines) return false;
  const head = source.split("\n").slice(0, headLines).join(" ").replaceAll(/[ *]+/g, " ");
  return !/Long because|over 250 lines/.test(head);
}

describe("sizes", () => {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const filesOf = (folder: string) =>
    readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, `${entry.parentPath}/${entry.name}`).split(sep).join("/"));
  const sources = filesOf("src")
    .filter((path) => /\.[jt]s$/.test(path))
    .map((path) => ({ path, source: readFileSync(`${root}${path}`, "utf8") }));

  test(`no function of src/ has more than ${maxFunctionLines} lines`, () => {
    const long = sources.flatMap(({ path, source }) =>
      longFunctions(source).map((first) => `${path}: ${first}`),
    );
    expect(long).toEqual([]);
  });

  test(`a file of src/ with more than ${maxFileLines} lines says at its head why`, () => {
    const long = sources.filter(({ source }) => isLongWithoutReason(source));
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test(`no folder has more than ${maxFilesBesideEachOther} files, except tables`, () => {
    const counts = new Map<string, number>();
    // Migrations and stored databases are tables, too.
    for (const path of [...filesOf("src"), ...filesOf("test")].filter(
      (each) => !/\.(?:sql|db)$/.test(each),
    ))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const full = [...counts].filter(([, count]) => count > maxFilesBesideEachOther);
    expect(full.map(([folder]) => folder).sort()).toEqual(tables);
  });

  test("are measured", () => {
    const lines = "\n".repeat(maxFunctionLines);
    expect(longFunctions(`function f() {${lines}}\nconst g = () => 1;`)).toEqual([
      "function f() {",
    ]);
    expect(longFunctions(`const o = { m() {${lines.slice(1)}} };`)).toEqual([]);
    expect(longFunctions(`const o = { m() {${lines}} };`)).toHaveLength(1);
    const code = "a();\n".repeat(maxFileLines);
    expect(isLongWithoutReason(code)).toBe(false);
    expect(isLongWithoutReason(`${code}a();`)).toBe(true);
    expect(isLongWithoutReason(`// Long because of a table.\n${code}a();`)).toBe(false);
  });
});
