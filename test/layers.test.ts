import { readdirSync, readFileSync } from "node:fs";
import { posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAst } from "vitest/node";

// Long because of the tables of imports that are allowed and refused.

/**
 * Who may import whom, from the top down. A part is a folder or a file, and everything below it that is
 * no part itself. It may always import itself.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "src/main.js": ["src/cli", "src/find-modules.js"],
  "src/find-modules.js": [],
  "src/index.ts": ["src/config", "src/server"],
  "src/cli": [
    ...["src/config", "src/server", "src/server/database.ts", "src/bulk"],
    ...["src/access", "src/store", "src/telemetry", "src/text"],
  ],
  "src/server": [
    ...["src/config", "src/server/database.ts", "src/server/pages", "src/bulk", "src/rpc"],
    ...["src/access", "src/domain", "src/store", "src/telemetry", "src/wire"],
  ],
  // Alone in naming the engines, and in loading no protocol: most commands need no more.
  "src/server/database.ts": [
    ...["src/config", "src/server/watch-failures.ts", "src/domain", "src/store"],
    ...["src/store/postgres", "src/store/sql", "src/store/sqlite"],
  ],
  "src/server/watch-failures.ts": ["src/store"],
  "src/server/pages": ["src/wire"],
  "src/bulk": ["src/rpc", "src/access", "src/domain", "src/store", "src/text", "gen"],
  "src/rpc": ["src/access", "src/domain", "src/store", "src/text", "gen", "gen/google"],
  "src/access": ["src/domain", "src/store"],
  "src/config": ["src/store/postgres/connection/url.ts"],
  "src/console": ["gen", "gen/google"],
  "src/domain": ["src/text"],
  "src/wire": ["gen/google"],
  "src/telemetry": [],
  "src/store/postgres": [
    ...["src/store", "src/store/postgres/connection/url.ts", "src/store/change"],
    ...["src/store/search", "src/store/sql", "src/text"],
  ],
  "src/store/postgres/connection/url.ts": [],
  "src/store/sqlite": [
    ...["src/store", "src/store/change", "src/store/search", "src/store/sql", "src/text"],
  ],
  "src/store/change": ["src/store", "src/store/search"],
  "src/store/search": ["src/store", "src/store/sql", "src/text"],
  "src/store/sql": ["src/store", "src/store/change"],
  // The ports.
  "src/store": ["src/text"],
  "src/text": [],
};

const emptyNames = ["common", "helper", "helpers", "manager", "managers", "util", "utils"];

/** @param path From the root of the project, with slashes. The longest name of a part counts. */
function partOf(path: string): string {
  const names = [...Object.keys(mayImport), "gen", "gen/google"];
  const around = names.filter((name) => path === name || path.startsWith(`${name}/`));
  return around.sort((a, b) => b.length - a.length)[0] ?? path;
}

type Node = Readonly<Record<string, unknown>>;

/** What a source imports, and what it does that no file should, or one alone. */
type Habits = {
  readonly imports: readonly string[];
  readonly importsUnnamed: boolean;
  readonly hasDefaultExport: boolean;
  readonly readsEnvironment: boolean;
};

function habitsOf(source: string): Habits {
  const imports: string[] = [];
  const found = { importsUnnamed: false, hasDefaultExport: false, readsEnvironment: false };
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const node = value as Node;
    const name = importedBy(node);
    if (name !== undefined) imports.push(name);
    if (node.type === "ImportExpression" && name === undefined) found.importsUnnamed = true;
    if (isDefaultExport(node)) found.hasDefaultExport = true;
    if (readsEnvironment(node)) found.readsEnvironment = true;
    for (const each of Object.values(node)) visit(each);
  };
  visit(parseAst(source, { lang: "ts" }));
  return { imports, ...found };
}

/** The file or package that a piece of syntax names: also a type's, and the one of a worker thread. */
function importedBy(node: Node): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return textOf(node.source ?? node.argument);
    case "CallExpression":
      return nameOf(node.callee) === "require" ? textOf(at(node.arguments, 0)) : undefined;
    case "NewExpression": {
      const text = nameOf(node.callee) === "URL" ? textOf(at(node.arguments, 0)) : undefined;
      return text?.startsWith(".") && text.endsWith(".ts") ? text : undefined;
    }
    default:
      return undefined;
  }
}

function isDefaultExport({ type, exported }: Node): boolean {
  return (
    type === "ExportDefaultDeclaration" ||
    (type === "ExportSpecifier" && nameOf(exported) === "default")
  );
}

function readsEnvironment({ type, object, property, computed }: Node): boolean {
  if (type !== "MemberExpression" || nameOf(object) !== "process") return false;
  return computed === true || nameOf(property) === "env";
}

function textOf(node: unknown): string | undefined {
  const { type, value, literal } = (node ?? {}) as Node;
  if (type === "TSLiteralType") return textOf(literal);
  return type === "Literal" && typeof value === "string" ? value : undefined;
}

function nameOf(node: unknown): unknown {
  const { name, value } = (node ?? {}) as Node;
  return name ?? value;
}

function at(list: unknown, index: number): unknown {
  return (list as readonly unknown[])[index];
}

/** What is wrong with a file of src/, one line each. */
function complaints(path: string, source: string): string[] {
  const part = partOf(path);
  const allowed = [part, ...(mayImport[part] ?? [])];
  const habits = habitsOf(source);
  const found: string[] = [];
  for (const name of habits.imports) {
    if (name.startsWith(".")) {
      const target = partOf(posix.join(posix.dirname(path), name));
      if (!allowed.includes(target)) found.push(`${path} imports ${name}`);
      // The domain is pure: it needs no package and no module of Node.js.
    } else if (part === "src/domain") found.push(`${path} imports ${name}`);
  }
  if (!(part in mayImport)) found.push(`${path} is in no known part`);
  if (habits.importsUnnamed) found.push(`${path} imports what it does not name`);
  if (habits.hasDefaultExport) found.push(`${path} has a default export`);
  if (path !== "src/config/config.ts" && habits.readsEnvironment)
    found.push(`${path} reads process.env`);
  if (path.split(/[/.-]/).some((word) => emptyNames.includes(word)))
    found.push(`${path} has a name that says nothing`);
  return found;
}

describe("src/", () => {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const files = readdirSync(`${root}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => relative(root, `${entry.parentPath}/${entry.name}`).split(sep).join("/"));

  test("keeps to its layers", () => {
    expect(files).toContain("src/domain/errors.ts");
    expect(
      files.flatMap((path) => complaints(path, readFileSync(`${root}${path}`, "utf8"))),
    ).toEqual([]);
  });
});

describe("complaints", () => {
  test.for<{ name: string; path: string; source: string }>([
    {
      name: "a handler over access, domain, ports and generated code",
      path: "src/rpc/management/get-user.ts",
      source: `
        import type { Caller } from "../../access/caller.ts";
        import { ServiceError } from "../../domain/errors.ts";
        import type { EventStore } from "../../store/event-store.ts";
        import { GenderSchema } from "../../../gen/zitadel/user_pb.ts";`,
    },
    {
      name: "the only file that names an engine",
      path: "src/server/database.ts",
      source: `const { openSqlite } = await import("../store/sqlite/database.ts");`,
    },
    {
      name: "an engine on its own thread",
      path: "src/store/sqlite/thread/writer.ts",
      source: `new Worker(new URL("./writer-thread.ts", import.meta.url));`,
    },
    { name: "packages", path: "src/wire/listener.ts", source: `import { x } from "node:http2";` },
    { name: "the environment", path: "src/config/config.ts", source: "read(process.env);" },
  ])("accept $name", ({ path, source }) => {
    expect(complaints(path, source)).toEqual([]);
  });

  test.for<{ name: string; path: string; source: string; want: string }>([
    {
      name: "the wire knowing a handler",
      path: "src/wire/protocol/rest/router.ts",
      source: `import { errors } from "../../../rpc/errors.ts";`,
      want: "src/wire/protocol/rest/router.ts imports ../../../rpc/errors.ts",
    },
    {
      name: "the wire knowing the contract",
      path: "src/wire/protocol/rest/rest.ts",
      source: `import { file } from "../../../../gen/zitadel/user_pb.ts";`,
      want: "src/wire/protocol/rest/rest.ts imports ../../../../gen/zitadel/user_pb.ts",
    },
    {
      name: "the page knowing the server",
      path: "src/console/profile-form.ts",
      source: `import { errors } from "../domain/errors.ts";`,
      want: "src/console/profile-form.ts imports ../domain/errors.ts",
    },
    {
      name: "types across layers",
      path: "src/access/caller.ts",
      source: `import type { Call } from "../rpc/details.ts";`,
      want: "src/access/caller.ts imports ../rpc/details.ts",
    },
    {
      name: "types written in place",
      path: "src/telemetry/log.ts",
      source: `type Config = import("../config/config.ts").Config;`,
      want: "src/telemetry/log.ts imports ../config/config.ts",
    },
    {
      name: "an import over several lines",
      path: "src/store/change/batch/batcher.ts",
      source: `import {\n  ServiceError,\n} from "../../../domain/errors.ts";`,
      want: "src/store/change/batch/batcher.ts imports ../../../domain/errors.ts",
    },
    {
      name: "a re-export",
      path: "src/domain/human.ts",
      source: `export { roles } from '../access/roles.ts';`,
      want: "src/domain/human.ts imports ../access/roles.ts",
    },
    {
      name: "an import for its effect",
      path: "src/domain/human.ts",
      source: `import "../telemetry/log.ts";`,
      want: "src/domain/human.ts imports ../telemetry/log.ts",
    },
    {
      name: "Node.js in the domain",
      path: "src/domain/human.ts",
      source: `import { randomUUID } from "node:crypto";`,
      want: "src/domain/human.ts imports node:crypto",
    },
    {
      name: "another package in the domain",
      path: "src/domain/human.ts",
      source: `import { create } from "@bufbuild/protobuf";`,
      want: "src/domain/human.ts imports @bufbuild/protobuf",
    },
    {
      name: "a command naming an engine",
      path: "src/cli/org.ts",
      source: `const engine = await import("../store/sqlite/database.ts");`,
      want: "src/cli/org.ts imports ../store/sqlite/database.ts",
    },
    {
      name: "a handler knowing how the store works",
      path: "src/rpc/management/get-user.ts",
      source: `import { createStreamQueue } from "../../store/change/queue/stream-queue.ts";`,
      want: "src/rpc/management/get-user.ts imports ../../store/change/queue/stream-queue.ts",
    },
    {
      name: "one engine using another",
      path: "src/store/postgres/database.ts",
      source: `import { migrate } from "../sqlite/migrate.ts";`,
      want: "src/store/postgres/database.ts imports ../sqlite/migrate.ts",
    },
    {
      name: "an engine as a thread",
      path: "src/rpc/management/get-user.ts",
      source: `new Worker(new URL("../../store/sqlite/thread/writer.ts", import.meta.url));`,
      want: "src/rpc/management/get-user.ts imports ../../store/sqlite/thread/writer.ts",
    },
    {
      name: "a test used by the program",
      path: "src/server/service.ts",
      source: `import { gigi } from "../../test/gigi.ts";`,
      want: "src/server/service.ts imports ../../test/gigi.ts",
    },
    {
      name: "an import of who knows what",
      path: "src/server/service.ts",
      source: "await import(name);",
      want: "src/server/service.ts imports what it does not name",
    },
    {
      name: "a default export",
      path: "src/wire/http/cors.ts",
      source: "export default function cors() {}",
      want: "src/wire/http/cors.ts has a default export",
    },
    {
      name: "a default export by another way",
      path: "src/wire/http/cors.ts",
      source: "export { cors as default };",
      want: "src/wire/http/cors.ts has a default export",
    },
    {
      name: "the environment elsewhere",
      path: "src/server/service.ts",
      source: "const home = process.env.HOME;",
      want: "src/server/service.ts reads process.env",
    },
    {
      name: "the environment by another way",
      path: "src/server/service.ts",
      source: `const { HOME } = process["env"];`,
      want: "src/server/service.ts reads process.env",
    },
    {
      name: "an empty name",
      path: "src/rpc/date-utils.ts",
      source: "",
      want: "src/rpc/date-utils.ts has a name that says nothing",
    },
    {
      name: "a folder that the table does not know",
      path: "src/services/user.ts",
      source: "",
      want: "src/services/user.ts is in no known part",
    },
  ])("name $name", ({ path, source, want }) => {
    expect(complaints(path, source)).toEqual([want]);
  });
});
