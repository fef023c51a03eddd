import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ManagementService } from "../gen/zitadel/management_pb.ts";
import { type Setting, serveSettings } from "../src/config/config.ts";
import { errors, reasonFromKey } from "../src/domain/errors.ts";
import { type Program, root, runGiraffe, runProgram, startGiraffe } from "./support/child.ts";
import { startIssuer } from "./support/issuer.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The fenced blocks of a language, in order. */
const blocksOf = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(
    ([, block = ""]) => block,
  );

/** The part below a heading. */
const sectionOf = (heading: string): string =>
  readme.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? "";

/** The cells of the rows of the tables in a part, without the backquotes. */
const rowsOf = (section: string): string[][] =>
  [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = ""]) =>
    row.split("|").map((cell) => cell.replaceAll("`", "").trim()),
  );

/** A folder that looks like the checkout, with a server whose database is where README says. */
describe("the README's calls", () => {
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

  /** What a reader has in place of our examples. */
  const filledIn = (text: string) =>
    text
      .replaceAll("127.0.0.1:8080", new URL(url).host)
      .replaceAll('"TOKEN"', JSON.stringify(token()));
  const token = () => readFileSync(join(folder, "data", "admin.token"), "utf8").trim();
  const sh = (command: string) =>
    runProgram("sh", ["-e", "-c", filledIn(command)], { cwd: folder });
  const displayName = async () => {
    const answer = await fetch(`${url}/management/v1/users/163840776835432705/profile`, {
      headers: { authorization: `Bearer ${token()}` },
    });
    return ((await answer.json()) as { profile: { displayName: string } }).profile.displayName;
  };

  const calls = blocksOf("sh").filter((block) => block.includes("displayName"));
  test.for(calls.map((block) => ({ name: nameIn(block), block })))(
    "$name works in a shell",
    async ({ name, block }) => {
      const { code, stdout } = await sh(block);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        details: { resourceOwner: "69629023906488334" },
      });
      expect(await displayName()).toBe(name);
    },
  );

  const scripts = blocksOf("ts");
  test.for(scripts.map((block) => ({ name: nameIn(block), block })))(
    "$name works as a script",
    async ({ name, block }) => {
      writeFileSync(join(folder, "try.ts"), filledIn(block));
      const { code, stdout, stderr } = await runProgram(process.execPath, ["try.ts"], {
        cwd: folder,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^\d+n?\n$/);
      expect(await displayName()).toBe(name);
    },
  );

  const [lane = ""] = blocksOf("typescript");
  test("of the lane work in a service of one's own", async () => {
    writeFileSync(join(folder, "lane.ts"), lane);
    const { code, stdout, stderr } = await runProgram(process.execPath, ["lane.ts"], {
      cwd: folder,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe("connect Check 200\n{ status: 'SERVING' }\n");
  });

  test("are correct TypeScript", async () => {
    const names = [...scripts, lane].map((block, index) => {
      const name = `script-${index}.ts`;
      writeFileSync(join(folder, name), block);
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

  test("show spans, with an SDK that is loaded before", async () => {
    const [tracing = "", ...others] = blocksOf("js").filter((each) => each.includes("Span"));
    expect(others).toEqual([]);
    const preload = join(folder, "tracing.js");
    writeFileSync(preload, tracing);
    const argv = ["serve", "--demo", "--listen", "127.0.0.1:0", "--database", "sqlite::memory:"];
    const tokenFile = ["--admin-token-file", join(folder, "traced.token")];
    const traced = startGiraffe([...argv, ...tokenFile], { preload });
    const [, url] = await traced.until("stdout", /^ready (\S+)\n/m);
    expect((await fetch(`${url}/management/v1/healthz`)).status).toBe(200);
    await traced.until("stdout", /name: 'zitadel.management.v1.ManagementService\/Healthz'/);
    traced.kill("SIGTERM");
    expect((await traced.ended).code).toBe(0);
  });

  test("lead to the metrics that the README names, with their labels", async () => {
    const body = await (await fetch(`${url}/debug/metrics`)).text();
    const names = [...body.matchAll(/^# TYPE (giraffe_\w+)/gm)].map(([, name]) => name);
    const rows = rowsOf(sectionOf("Metrics, traces, logs"));
    expect(rows.map(([name]) => name)).toEqual(names);
    for (const [name = "", labels = ""] of rows) {
      const series = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, "m").exec(body);
      const found = [...(series?.[1] ?? "").matchAll(/(\w+)=/g)].map(([, label]) => label);
      if (series !== null) expect(found, name).toEqual(labels.split(", ").filter(Boolean));
    }
  });

  test("are refused the second time, in the words of the README", async () => {
    const [curl = ""] = calls;
    await sh(curl);
    const { stdout } = await sh(curl);
    const [answer = "", refusal = ""] = blocksOf("json");
    expect(JSON.parse(stdout)).toEqual(JSON.parse(refusal));
    expect(Object.keys(JSON.parse(answer).details)).toEqual([
      ...["sequence", "creationDate", "changeDate", "resourceOwner"],
    ]);
  });

  test("of the admin commands work beside the server", async () => {
    const [block = "", ...others] = blocksOf("sh").filter((each) => each.includes("org create"));
    expect(others).toEqual([]);
    const { code, stdout } = await sh(block);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^created organization \d+ Zoo\n/);
    expect(stdout).toMatch(/^secret {3}gir_\w+\n/m);
  });

  test("plug in an identity provider, and give its people roles", async () => {
    const [jwts = "", opaque = "", member = "", ...others] = blocksOf("sh").filter((block) =>
      /oidc|introspection|member add/.test(block),
    );
    expect(others).toEqual([]);
    const issuer = await startIssuer();
    onTestFinished(() => issuer.close());
    issuer.opaque.set("opaque", { active: true, sub: "sam" });
    writeFileSync(join(folder, "client.secret"), "s3cret\n");
    const added = await sh(member);
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toMatch(/^sam +ORG_USER_MANAGER +69629023906488334$/m);

    const flags = `${jwts.trim()} ${opaque.replace(/^.* serve/, "")}`
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

  test("export, import and back up beside the server", async () => {
    const [block = "", ...others] = blocksOf("sh").filter((each) => each.includes("-- export"));
    expect(others).toEqual([]);
    const { code, stdout } = await sh(block);
    expect(stdout).toMatch(/^backed up to copy.db\n/);
    // Everybody is there already.
    expect(stdout).toMatch(/^imported 0 users, rejected \d+ lines, see users.ndjson.rejected\n/m);
    expect(code).toBe(1);
  });
});

describe("the README", () => {
  test("runs every block of commands in a test, but for those of npm's own", () => {
    const untested = blocksOf("sh").filter(
      (block) =>
        !/displayName|org create|-- export|oidc|introspection|member add|npm run pack/.test(block),
    );
    // npm run pack: in test/package.test.ts.
    expect(untested.map((block) => block.replaceAll(/ +#.*/g, "").trim().split("\n"))).toEqual([
      [
        ...["npm test", "npm run check", "npm run generate"],
        ...["npm run conformance", "npm run faults", "npm run bench -- wire"],
      ],
    ]);
  });

  test("names the scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const named = [...readme.matchAll(/\bnpm (?:run (?:-s )?(\w+)|(start|test)\b)/g)].map(
      ([, script, short]) => script ?? short ?? "",
    );
    expect(new Set(named)).toEqual(
      new Set([
        "start",
        "test",
        "giraffe",
        "check",
        "generate",
        "conformance",
        "faults",
        "bench",
        "pack",
      ]),
    );
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  test("describes the flags of serve that there are, with their defaults", async () => {
    const { stdout } = await runGiraffe("serve", "--help");
    const flags = [...stdout.matchAll(/^ {2}(--[a-z-]+)(?: <([A-Z:]+)>)?/gm)].map(
      ([, flag, argument]) => [flag, argument].filter(Boolean).join(" "),
    );
    expect(flags).toContain("--listen HOST:PORT");
    const rows = rowsOf(sectionOf("Configuration"));
    expect(rows.map(([flag]) => flag)).toEqual(flags);

    const settings: Readonly<Record<string, Setting>> = serveSettings;
    const defaults = Object.values(settings).map(({ fallback }) => fallback ?? expect.anything());
    expect(rows.map(([, fallback]) => fallback)).toEqual(defaults);
  });

  test("tells code and id of errors as the catalogue has them", () => {
    const catalogue = new Map(
      Object.entries(errors).map(([key, { kind, id }]) => [
        reasonFromKey(key as keyof typeof errors),
        { kind, id },
      ]),
    );
    const rows = rowsOf(sectionOf("Errors"));
    expect(rows.length).toBeGreaterThan(10);
    for (const [reason = "", code = "", , id] of rows) {
      const [, kind, number] = /^(\w+) \((\d+)\)$/.exec(code) ?? [];
      expect({ kind, id }, reason).toEqual(catalogue.get(reason));
      expect(codeToString(Number(number)), reason).toBe(kind);
    }
  });

  test("lists the methods that are served", () => {
    const rows = rowsOf(sectionOf("Point a ZITADEL client at it"));
    const names = ManagementService.methods.map(({ name }) => name);
    expect(rows.map(([name]) => name).sort()).toEqual(names.sort());
  });

  test("names files and folders that there are", () => {
    const paths =
      readme.match(/(?<![\w@/.-])(?:src|test|proto|gen)\/[\w./-]*\w(?:\/(?=`))?/g) ?? [];
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("links to headings that there are", () => {
    const headings = [...readme.matchAll(/^##+ (.*)$/gm)].map(([, text = ""]) =>
      text.toLowerCase().replaceAll(",", "").replaceAll(" ", "-"),
    );
    const links = [...readme.matchAll(/\]\(#([^)]+)\)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !headings.includes(link))).toEqual([]);
  });
});

/** The display name that a call sets, which tells the calls apart. */
function nameIn(block: string): string {
  return /"?displayName"?: "([^"]+)"/.exec(block)?.[1] ?? "";
}
