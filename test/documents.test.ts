import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { getOption } from "@bufbuild/protobuf";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { UserService as GiraffeUserService } from "../gen/giraffe/v1/user_service_pb.ts";
import { http } from "../gen/google/api/annotations_pb.ts";
import { ManagementService } from "../gen/zitadel/management_pb.ts";
import { UserService } from "../gen/zitadel/user/v2/user_service_pb.ts";
import { type Setting, serveSettings } from "../src/config/settings.ts";
import { errors, reasonFromKey } from "../src/domain/errors.ts";
import { successors } from "../src/rpc/deprecation.ts";
import {
  backlog,
  bodyTimeoutMs,
  clientLimits,
  http1Limits,
  maxCallsInFlight,
  maxEchoBytes,
  maxPipelined,
  openingTimeoutMs,
} from "../src/wire/limits.ts";
import { type Program, root, runGiraffe, runProgram, startGiraffe } from "./support/child.ts";
import { startIssuer } from "./support/identity/issuer.ts";

/** The texts of all documents, by path. */
const pages: ReadonlyMap<string, string> = new Map(
  [
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => posix.join("docs", name))
      .sort(),
  ].map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
const page = (path: string) => pages.get(path) ?? "";

type Block = {
  readonly path: string;
  readonly code: string;
  /** The text that stands below it, if that is what it prints. */
  readonly prints: string | undefined;
};

/** The fenced blocks of a language in all documents. */
const blocksOf = (language: string): Block[] => {
  const fenced = (name: string) => `^\`\`\`${name}\\n(.*?)^\`\`\`$`;
  const printed = `(?:\\n\\n(?:It prints.*:\\n\\n)?${fenced("text")})?`;
  const block = new RegExp(`${fenced(language)}${printed}`, "gms");
  return [...pages].flatMap(([path, text]) =>
    [...text.matchAll(block)].map(([, code = "", prints]) => ({ path, code, prints })),
  );
};

/** The blocks of shell commands that a test below runs. */
const run = new Set<string>();

/** The blocks of shell commands that match, which the caller is going to run. */
function commands(pattern: RegExp): Block[] {
  const found = blocksOf("sh").filter(({ code }) => pattern.test(code));
  for (const { code } of found) run.add(code);
  return found;
}

/** The only block that matches. */
function command(pattern: RegExp): string {
  const [block, ...others] = commands(pattern);
  if (block === undefined || others.length > 0) throw new Error(`not one block has ${pattern}`);
  return block.code;
}

/** Blocks of shell commands that no test here runs, by their first line, and why. */
const notRun: Readonly<Record<string, string>> = {
  "npm run pack": "test/package.test.ts runs it, and what follows",
  "npx giraffe serve --demo": "test/package.test.ts runs it, where the package is installed",
  "npm run -s giraffe -- import --from zitadel-events https://zitadel.example --token-file zitadel.token":
    "test/bulk/zitadel/runbook.test.ts runs it",
  "npm run -s giraffe -- compare https://zitadel.example --token-file zitadel.token --metadata":
    "test/bulk/zitadel/runbook.test.ts runs it",
  "npm run -s giraffe -- export --to zitadel-import back":
    "test/bulk/zitadel/runbook.test.ts runs it",
  "npm ci": ".ci/run runs it, with the tests and the checks",
  "npm run generate": "`npm run check` runs it; conformance, faults and bench take minutes",
  "npm run conformance": "takes minutes, and needs Go",
  "npm run mutants -- --mutate src/wire/bounds/shares.ts --testFiles test/wire/bounds/shares.test.ts":
    "takes minutes",
  "npm run bench -- wire": "takes minutes",
};

/** The part of a page below a heading of the second level. */
const sectionOf = (path: string, heading: string): string =>
  page(path)
    .split(/^## /m)
    .find((section) => section.startsWith(`${heading}\n`)) ?? "";

/** The cells of the rows that begin with code, without the backquotes. */
const rowsOf = (section: string): string[][] =>
  [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = ""]) =>
    row.split("|").map((cell) => cell.replaceAll("`", "").trim()),
  );

const withAnyVersion = (text: string) => text.replaceAll(/"\d+"/g, '"N"');

/** The display name that a call sets. It differs from call to call. */
const nameIn = (code: string) => /"?displayName"?: "([^"]+)"/.exec(code)?.[1] ?? "";

// The commands run in a folder that looks like a checkout, with a server and its database.
describe("in the documents", () => {
  let folder: string;
  let server: Program;
  let url: string;

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "giraffe-")));
    for (const name of ["node_modules", "package.json", "src", "gen", "tsconfig.json"]) {
      symlinkSync(join(root, name), join(folder, name));
    }
    server = startGiraffe(["serve", "--demo", "--listen", "127.0.0.1:0"], { cwd: folder });
    [, url = ""] = await server.until("stdout", /^ready (\S+)\n/m);
  });
  afterAll(async () => {
    server.kill("SIGTERM");
    await server.ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const token = () => readFileSync(join(folder, "data", "admin.token"), "utf8").trim();
  /** With the address and the token of this server, as a reader would fill them in. */
  const filledIn = (text: string) =>
    text
      .replaceAll("127.0.0.1:8080", new URL(url).host)
      .replaceAll('"TOKEN"', JSON.stringify(token()));
  const sh = (text: string) => runProgram("sh", ["-e", "-c", filledIn(text)], { cwd: folder });
  const displayName = async () => {
    const answer = await fetch(`${url}/management/v1/users/163840776835432705/profile`, {
      headers: { authorization: `Bearer ${token()}` },
    });
    return ((await answer.json()) as { profile: { displayName: string } }).profile.displayName;
  };

  const tried = command(/Validate-Only/);
  test("a dry run answers as the change would, and stores nothing", async () => {
    const before = await displayName();
    const { code, stdout } = await sh(tried);
    expect(code).toBe(0);
    const [head = "", body = ""] = stdout.split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*x-giraffe-validated: true(\r\n|$)/);
    expect(JSON.parse(body)).toMatchObject({ details: { resourceOwner: "69629023906488334" } });
    expect(nameIn(tried)).not.toBe("");
    expect(await displayName()).toBe(before);
  });

  test("Gigi is found without regard to accents", async () => {
    const { code, stdout } = await sh(command(/Ignore-Accents/));
    expect(code).toBe(0);
    expect(JSON.parse(stdout).result).toMatchObject([{ id: "163840776835432705" }]);
  });

  const strict = command(/handling=strict/);
  test("misspelt names are refused over REST and over Connect", async () => {
    const { code, stdout } = await sh(strict);
    expect(code).toBe(0);
    const meant = 'unknown field, did you mean \\\\"firstName\\\\"\\?';
    const [rest, connect] = ["3", '"invalid_argument"'].map(
      (each) => `\\{"code":${each},.*${meant}`,
    );
    expect(stdout).toMatch(new RegExp(`^${rest}.*\\}${connect}.*\\}$`, "s"));
  });

  test("the history of a user is read as the page says", async () => {
    const { code, stdout } = await sh(command(/giraffe\/v1\/users\/\d+\/changes/));
    expect(code).toBe(0);
    expect(JSON.parse(stdout).changes.at(-1)).toMatchObject({ eventType: "user.human.added" });
  });

  const calls = commands(/displayName/).filter(({ code }) => code !== tried);
  test.for(calls.map((block) => ({ ...block, name: nameIn(block.code) })))(
    "$path: $name works in a shell",
    async ({ name, code: text }) => {
      const { code, stdout } = await sh(text);
      expect(code).toBe(0);
      const { results: [result] = [], ...answer } = JSON.parse(stdout);
      expect(result ?? answer).toMatchObject({ details: { resourceOwner: "69629023906488334" } });
      expect(await displayName()).toBe(name);
    },
  );

  const scripts = blocksOf("ts");
  test.for(scripts.map((block) => ({ ...block, name: nameIn(block.code) })))(
    "$path: $name works as a script",
    async ({ name, code: text, prints }) => {
      writeFileSync(join(folder, "try.ts"), filledIn(text));
      const { code, stdout, stderr } = await runProgram(process.execPath, ["try.ts"], {
        cwd: folder,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      if (prints === undefined) expect(stdout).toMatch(/^\d+n?\n$/);
      // The versions depend on which examples ran before.
      else expect(withAnyVersion(stdout)).toBe(withAnyVersion(prints));
      expect(await displayName()).toBe(name);
    },
  );

  test("no two calls set the same name: each works once, in any order", () => {
    const names = [...calls, ...scripts].map(({ code }) => nameIn(code));
    expect(names.length).toBeGreaterThan(7);
    expect(new Set(names).size).toBe(names.length);
  });

  test("a page whose call has a TOKEN in it says what to put there", () => {
    const withToken = [...pages].filter(([, text]) => text.includes('"TOKEN"'));
    expect(withToken.map(([path]) => path)).toEqual(["docs/calling.md"]);
    for (const [, text] of withToken) {
      expect(text.split('"TOKEN"')[0]).toContain("replace `TOKEN`");
    }
  });

  const lane = blocksOf("typescript");
  test("the lane serves a service of one's own", async () => {
    expect(lane.map(({ path }) => path)).toEqual(["docs/lane.md"]);
    writeFileSync(join(folder, "lane.ts"), lane[0]?.code ?? "");
    const { code, stdout, stderr } = await runProgram(process.execPath, ["lane.ts"], {
      cwd: folder,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe("connect Check 200\n{ status: 'SERVING' }\n");
  });

  test("scripts are correct TypeScript", async () => {
    const names = [...scripts, ...lane].map(({ code }, index) => {
      const name = `script-${index}.ts`;
      writeFileSync(join(folder, name), code);
      return name;
    });
    writeFileSync(
      join(folder, "tsconfig.scripts.json"),
      JSON.stringify({ extends: "./tsconfig.json", include: names }),
    );
    const tsc = join(folder, "node_modules", ".bin", "tsc");
    const { code, stdout } = await runProgram(tsc, ["--project", "tsconfig.scripts.json"], {
      cwd: folder,
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("spans appear, with an SDK that is loaded before", async () => {
    const [tracing, ...others] = blocksOf("js").filter(({ code }) => code.includes("Span"));
    expect(others).toEqual([]);
    const preload = join(folder, "tracing.js");
    writeFileSync(preload, tracing?.code ?? "");
    const argv = ["serve", "--demo", "--listen", "127.0.0.1:0", "--database", "sqlite::memory:"];
    const tokenFile = ["--admin-token-file", join(folder, "traced.token")];
    const traced = startGiraffe([...argv, ...tokenFile], { preload });
    const [, url] = await traced.until("stdout", /^ready (\S+)\n/m);
    expect((await fetch(`${url}/management/v1/healthz`)).status).toBe(200);
    await traced.until("stdout", /name: 'zitadel.management.v1.ManagementService\/Healthz'/);
    traced.kill("SIGTERM");
    expect((await traced.ended).code).toBe(0);
  });

  test("the metrics are those that are served, with their labels", async () => {
    const body = await (await fetch(`${url}/debug/metrics`)).text();
    const names = [...body.matchAll(/^# TYPE (giraffe_\w+)/gm)].map(([, name]) => name);
    const rows = rowsOf(sectionOf("docs/operating.md", "Metrics, traces, logs"));
    expect(rows.map(([name]) => name)).toEqual(names);
    for (const [name = "", labels = ""] of rows) {
      const series = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, "m").exec(body);
      const found = [...(series?.[1] ?? "").matchAll(/(\w+)=/g)].map(([, label]) => label);
      if (series !== null) expect(found, name).toEqual(labels.split(", ").filter(Boolean));
    }
  });

  test("the README's call is answered and, the second time, refused as it shows", async () => {
    const [curl] = calls.filter(({ path }) => path === "README.md");
    await sh(curl?.code ?? "");
    const { stdout } = await sh(curl?.code ?? "");
    const [answer, refusal, ...others] = blocksOf("json");
    expect(others).toEqual([]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(refusal?.code ?? ""));
    expect(Object.keys(JSON.parse(answer?.code ?? "").details)).toEqual([
      ...["sequence", "creationDate", "changeDate", "resourceOwner"],
    ]);
  });

  const admin = command(/org list/);
  test("organizations and tokens are created beside the server", async () => {
    const { code, stdout } = await sh(admin);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^created organization \d+ Zoo\n/);
    expect(stdout).toMatch(/^secret {3}gir_\w+\n/m);
  });

  const [jwts, opaque, member] = [/--oidc/, /--introspection/, /member add/].map(command);
  test("an identity provider is plugged in, and its people get roles", async () => {
    const issuer = await startIssuer();
    onTestFinished(() => issuer.close());
    issuer.opaque.set("opaque", { active: true, sub: "sam" });
    writeFileSync(join(folder, "client.secret"), "s3cret\n");
    const added = await sh(member ?? "");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toMatch(/^sam +ORG_USER_MANAGER +69629023906488334$/m);

    const flags = `${jwts?.trim()} ${opaque?.replace(/^.* serve/, "")}`
      .replaceAll("\\\n", " ")
      .replaceAll("https://id.example", issuer.url)
      .split(" -- ")[1];
    const own = ["--listen", "127.0.0.1:0", "--database", "sqlite:data/copy.db"];
    await sh("npm run -s giraffe -- backup data/copy.db");
    const second = startGiraffe([...(flags?.trim().split(/\s+/) ?? []), ...own], { cwd: folder });
    onTestFinished(async () => {
      second.kill("SIGTERM");
      await second.ended;
    });
    const [, address] = await second.until("stdout", /^ready (\S+)$/m);
    for (const bearer of [issuer.token(), "opaque"]) {
      const { status } = await fetch(`${address}/management/v1/users/163840776835432705/profile`, {
        headers: { authorization: `Bearer ${bearer}` },
      });
      expect(status).toBe(200);
    }
  });

  const [transfer, newToken, backup] = [
    /-- export >/,
    /^npm run -s giraffe -- token create .*other/,
    /-- backup/,
  ].map(command);
  test("users move into another database, beside the server", async () => {
    const { code, stdout, stderr } = await sh(transfer ?? "");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "exported 1 user\n" });
    expect(stdout).toMatch(/^created organization 69629023906488334 Giraffe\nimported 1 user\b/);
    expect(await sh(newToken ?? "")).toMatchObject({ code: 0, stderr: "" });
  });
  const check = command(/status --check/);
  test("a database that is up to date is said to be, beside the server", async () => {
    const { code, stdout } = await sh(check);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^schema +\d+, up to date$/m);
  });
  const users = command(/user list/);
  test("users are looked at, beside the server", async () => {
    const { code, stdout } = await sh(users);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^163840776835432705 +gigi@giraffe\.example /m);
    expect(stdout).toMatch(/^userName +gigi@giraffe\.example$/m);
  });
  test("a backup is made beside the server", async () => {
    expect(await sh(backup ?? "")).toMatchObject({
      code: 0,
      stdout: "backed up to giraffe-backup.db\n",
    });
  });

  test("every block of commands is run, or has a reason why not", () => {
    const others = blocksOf("sh").filter(({ code }) => !run.has(code));
    const firstLines = others.map(({ code }) => code.replace(/ +#.*/, "").split("\n")[0] ?? "");
    expect(firstLines.sort()).toEqual(Object.keys(notRun).sort());
    const languages = [...pages.values()].flatMap((text) => text.match(/^```\w+/gm) ?? []);
    expect(new Set(languages)).toEqual(
      new Set(["```sh", "```sql", "```ts", "```typescript", "```js", "```json", "```text"]),
    );
  });
});

describe("the documents", () => {
  test("name the scripts that there are, and all that people run", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const all = [...pages.values()].join("\n");
    const named = [...all.matchAll(/\bnpm (?:run (?:-s )?(\w+)|(start|test)\b)/g)].map(
      ([, script, short]) => script ?? short ?? "",
    );
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    expect(named).toEqual(
      expect.arrayContaining(Object.keys(scripts).filter((name) => name !== "postinstall")),
    );
  });

  test("describe the flags of serve that there are, with their defaults", async () => {
    const { stdout } = await runGiraffe("serve", "--help");
    const flags = [...stdout.matchAll(/^ {2}(--[a-z-]+)(?: <([A-Z:]+)>)?/gm)].map(
      ([, flag, argument]) => [flag, argument].filter(Boolean).join(" "),
    );
    expect(flags).toContain("--listen HOST:PORT");
    const rows = rowsOf(sectionOf("docs/operating.md", "Configuration"));
    expect(rows.map(([flag]) => flag)).toEqual(flags);

    const settings: Readonly<Record<string, Setting>> = serveSettings;
    const defaults = Object.values(settings).map(({ fallback }) => fallback ?? expect.anything());
    expect(rows.map(([, fallback]) => fallback)).toEqual(defaults);
  });

  test("tell code and id of errors as the catalogue has them", () => {
    const catalogue = new Map(
      Object.entries(errors).map(([key, { kind, id }]) => [
        reasonFromKey(key as keyof typeof errors),
        { kind, id },
      ]),
    );
    const rows = rowsOf(sectionOf("docs/calling.md", "Errors")).filter(([name = ""]) =>
      /^[A-Z_]+$/.test(name),
    );
    expect(rows.length).toBeGreaterThan(10);
    for (const [reason = "", code = "", , id] of rows) {
      const [, kind, number] = /^(\w+) \((\d+)\)$/.exec(code) ?? [];
      expect({ kind, id }, reason).toEqual(catalogue.get(reason));
      expect(codeToString(Number(number)), reason).toBe(kind);
    }
  });

  test("tell the limits of clients as the code has them", () => {
    const limits = sectionOf("docs/operating.md", "Limits");
    const row = (what: string) =>
      limits.split("\n").find((line) => line.startsWith(`| ${what}`)) ?? "";
    const number = (value: number) => value.toLocaleString("en");
    const each = (all: number, one: number) =>
      new RegExp(`\\b${number(all)} (?:in all|at once), ${number(one)} of one client`);
    const { maxConnections, maxRequests, maxStreams, maxUnsentBytes, unsentTimeoutMs } =
      clientLimits;
    expect(row("connections")).toMatch(each(maxConnections, clientLimits.maxConnectionsEach));
    expect(row("HTTP/2 requests")).toMatch(each(maxRequests, clientLimits.maxRequestsEach));
    expect(row("streaming calls")).toMatch(each(maxStreams, clientLimits.maxStreamsEach));
    expect(row("answers")).toContain(`${unsentTimeoutMs / 1_000} seconds`);
    expect(row("answers")).toContain(
      `${maxUnsentBytes / 2 ** 20} MiB may wait in all, ${clientLimits.maxUnsentBytesEach / 2 ** 20} MiB for one`,
    );
    expect(row("new connections that the system keeps")).toContain(number(backlog));
    const times = [openingTimeoutMs, http1Limits.headersTimeout, bodyTimeoutMs];
    expect(row("time for the first bytes")).toContain(
      times.map((ms) => `${ms / 1_000} seconds`).join("; "),
    );
    expect(row("calls in flight")).toContain(number(maxCallsInFlight));
    expect(row("HTTP/1.1 requests that wait")).toMatch(
      each(clientLimits.maxWaitingRequests, clientLimits.maxWaitingRequestsEach),
    );
    expect(row("HTTP/1.1 requests that wait")).toContain(
      `${clientLimits.maxUnfedBytes / 2 ** 20} MiB in all, ${clientLimits.maxUnfedBytesEach / 2 ** 20} MiB of one client`,
    );
    expect(row("headers of an answer")).toContain(`${maxEchoBytes} bytes`);
    expect(row("requests on an HTTP/1.1")).toContain(`${maxPipelined} requests wait`);
  });

  test("list the methods that are served", () => {
    const rows = rowsOf(sectionOf("docs/zitadel.md", "What is compatible"));
    const names = [...ManagementService.methods, ...UserService.methods].map(({ name }) => name);
    expect(rows.map(([name]) => name).sort()).toEqual(names.sort());
    for (const method of UserService.methods) {
      const { pattern } = getOption(method, http);
      const rest = `${pattern.case?.toUpperCase()} ${pattern.value}`;
      const row = rows.find(([name, path = ""]) => name === method.name && path.includes("/v2/"));
      expect(row?.[1]?.split("?")[0]).toBe(rest);
    }
  });

  test("list the methods of our own", () => {
    const rows = rowsOf(sectionOf("docs/calling.md", "Calls of Giraffe's own"));
    expect(rows.map(([name = "", rest = ""]) => `${name} ${rest}`)).toEqual(
      GiraffeUserService.methods.map((method) => {
        const { pattern } = getOption(method, http);
        return `${method.name} ${pattern.case?.toUpperCase()} ${pattern.value}`;
      }),
    );
  });

  test("map every v1 method to v2", () => {
    const rows = rowsOf(sectionOf("docs/zitadel.md", "From v1 to v2"));
    const mapped = rows.flatMap(([names = ""]) => names.split(", "));
    const names = ManagementService.methods.map(({ name }) => name);
    expect(mapped.sort()).toEqual(names.filter((name) => name !== "Healthz").sort());
  });

  test("map v1 methods to the successors that answers name", () => {
    const documented = rowsOf(sectionOf("docs/zitadel.md", "From v1 to v2")).flatMap(
      ([names = "", successor = ""]) =>
        names.split(", ").flatMap((name) => {
          const [first] = /^[A-Z]\w+/.exec(successor) ?? [];
          return first === undefined ? [] : [`${name} to ${first}`];
        }),
    );
    const named = Object.entries(successors).map(([name, successor]) => {
      const old = ManagementService.method[name as keyof typeof successors];
      return `${old.name} to ${UserService.method[successor].name}`;
    });
    expect(documented.sort()).toEqual(named.sort());
  });

  test("have a sentence for every folder of src/ and those in them", () => {
    const rows = rowsOf(sectionOf("CONTRIBUTING.md", "The map"));
    const named = rows.flatMap(([folders = ""]) => folders.split(", "));
    const folders = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${entry.parentPath}/${entry.name}/`.slice(root.length).replace(/^\/+/, ""))
      .filter((path) => path.split("/").length <= 4);
    expect(named).toEqual(expect.arrayContaining(folders));
  });

  test("lead to the line that decides that a profile was not changed", () => {
    const section = sectionOf("docs/architecture.md", 'From the README to "Profile not changed"');
    const steps = section.match(/^\| \d \|/gm) ?? [];
    expect(steps.length).toBe(4);
    const [, sentence = ""] = /`src\/domain\/`: "([^"]+)"/.exec(section) ?? [];
    expect(page("CONTRIBUTING.md")).toContain(`| \`src/domain/\` | ${sentence} |`);
    const [, line = ""] = /`(if \(.*)`/.exec(section) ?? [];
    const file = readFileSync(join(root, "src/domain/human.ts"), "utf8");
    expect(line).toContain("profileNotChanged");
    expect(file).toContain(line);
    expect(file).toContain("Decide what a command changes");
  });

  test.for([...pages])("name files and folders that there are: %s", ([, text]) => {
    const paths =
      text.match(
        /(?<![\w@/.-])(?:src|test|proto|gen|docs|deploy|scripts|\.ci)\/(?:[\w./-]*\w(?:\/(?=`))?)?/g,
      ) ?? [];
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("say in which file a name is that is in it", () => {
    const said = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/`(\w+)`\s(?:in|of)\s`((?:src|test|scripts)\/[\w./-]+\.ts)`/g)].map(
        ([, name = "", file = ""]) => ({ path, name, file }),
      ),
    );
    expect(said.length).toBeGreaterThan(3);
    for (const { path, name, file } of said)
      expect(readFileSync(join(root, file), "utf8"), `${name} of ${path}`).toMatch(
        new RegExp(`\\b(?:const|function|type|let) ${name}\\b`),
      );
  });

  test.for([...pages])("link to pages and headings that there are: %s", ([path, text]) => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = ""]) => link);
    const broken = links.filter((link) => {
      const [target = "", heading] = link.split("#");
      const file = target === "" ? path : posix.join(dirname(path), target);
      if (!existsSync(join(root, file))) return true;
      return heading !== undefined && !headingsOf(page(file)).includes(heading);
    });
    expect(broken).toEqual([]);
  });

  test.for([...pages])("have tables that are whole: %s", ([, text]) => {
    const lines = text.split("\n");
    const isRow = (line = "") => line.startsWith("|");
    const heads = lines.filter((line, index) => isRow(line) && !isRow(lines[index - 1]));
    const rulesBelow = lines.filter(
      (line, index) => /^\|[-|]+\|$/.test(line) && heads.includes(lines[index - 1] ?? ""),
    );
    expect(rulesBelow).toHaveLength(heads.length);
  });

  test("list the same for those who have the package as for those who have the folder", () => {
    const namesIn = (path: string, heading: string) =>
      rowsOf(sectionOf(path, heading)).map(([name]) => name);
    const names = namesIn("docs/embedding.md", "What you give, and what you get");
    expect(names).toContain("reset()");
    expect(namesIn("docs/package.md", "A server in a test").sort()).toEqual(names.sort());
  });

  test("have a README that is read in one sitting", () => {
    expect(page("README.md").split("\n").length).toBeLessThanOrEqual(250);
  });
});

/** As the links to them are spelled. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^##+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
