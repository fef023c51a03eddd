import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./support/child.ts";
import { leftOut, productionPackages } from "./support/production-packages.ts";

/** A package in package-lock.json. */
type Locked = {
  readonly integrity?: string;
  /** Where it comes from; missing: npm's registry. */
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"));
const manifest = read("package.json");
const { "": own, ...locked }: Record<string, Locked> = read("package-lock.json").packages;

const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + 13);

/** The place of a package that another one needs: beside it, or further up. */
function placeOf(name: string, neededBy: string): string {
  for (
    let from = neededBy;
    ;
    from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))
  ) {
    const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
    if (locked[path] !== undefined || from === "") return path;
  }
}

/** The places of what runs in production, by package-lock.json. */
function production(): string[] {
  const found = new Set<string>();
  const add = (name: string, neededBy: string) => {
    const path = placeOf(name, neededBy);
    const entry = locked[path];
    if (entry === undefined || found.has(path)) return;
    found.add(path);
    const needed = { ...entry.dependencies, ...entry.optionalDependencies };
    for (const each of Object.keys(needed)) add(each, path);
  };
  for (const name of Object.keys(manifest.dependencies)) add(name, "");
  return [...found];
}

describe("dependencies", () => {
  test("O4: those of production are on the list of what is allowed, and protobufjs is not", () => {
    const names = production().map(nameOf);
    expect(names.toSorted()).toEqual([...productionPackages, leftOut].toSorted());
    expect(names.filter((name) => name.includes("protobufjs"))).toEqual([]);
  });

  test("O4: no script of one in production runs when it is installed", () => {
    const withScript = production().filter((path) => locked[path]?.hasInstallScript);
    expect(withScript.map(nameOf)).toEqual([leftOut]);
    expect(manifest.allowScripts[leftOut]).toBe(false);
  });

  test("O4: every package that has such a script is denied to run it", () => {
    const names = Object.keys(locked).filter((path) => locked[path]?.hasInstallScript);
    expect(names.length).toBeGreaterThan(5);
    const denied = Object.fromEntries(names.map((path) => [nameOf(path), false]));
    expect(manifest.allowScripts).toEqual(denied);
  });

  test("O4: every package has one version, a SHA-512, and comes from npm's registry", () => {
    const registry = "https://registry.npmjs.org/";
    for (const [path, { integrity, resolved = registry, link }] of Object.entries(locked)) {
      expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(resolved.startsWith(registry), path).toBe(true);
      expect(link, path).toBeUndefined();
    }
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    expect(own).toMatchObject({ dependencies, devDependencies, optionalDependencies });
    for (const wanted of [dependencies, devDependencies, optionalDependencies]) {
      for (const version of Object.values(wanted))
        expect(version).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
    }
  });
});
