import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, extname, join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { callRest, demo, profileUrl } from "./cli/serving.ts";
import { root, runProgram, startProgram } from "./support/child.ts";
import { newPostgresDatabase } from "./support/postgres-database.ts";
import { productionPackages } from "./support/production-packages.ts";

const page = readFileSync(join(root, "docs", "embedding.md"), "utf8");

/** The first fenced block of a language. */
const blockOf = (text: string, language: string) =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(text)?.[1] ?? "";
const [pack = "", install = "", serve = ""] = blockOf(page, "sh").split("\n");
const example = blockOf(page, "js");

/** npm asks registries, and they may be slow. */
const npmHangsMs = 240_000;

let project: string;
const sh = (command: string) =>
  runProgram("sh", ["-c", command], { cwd: project, hangsMs: npmHangsMs });

beforeAll(async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "giraffe-")));
  project = join(folder, "project");
  mkdirSync(project);
  symlinkSync(root, join(folder, "giraffe"));
  writeFileSync(join(project, "package.json"), '{ "name": "project", "type": "module" }');
  const packed = await runProgram("sh", ["-c", pack], { cwd: root, hangsMs: npmHangsMs });
  expect(packed.code, packed.stderr).toBe(0);
  const installed = await sh(`${install} --prefer-offline --no-audit --no-fund`);
  expect(installed.code, installed.stderr).toBe(0);
}, npmHangsMs);
afterAll(() => rmSync(join(project, ".."), { recursive: true, force: true }));

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(project, ...path), "utf8"));

const packageReadme = () =>
  readFileSync(join(project, "node_modules", "@giraffe-profiles", "giraffe", "README.md"), "utf8");

describe("the package", () => {
  test("O4: has the same bytes when it is made again", async () => {
    const file = join(root, "dist", install.split("/").at(-1) ?? "");
    const digest = () => createHash("sha256").update(readFileSync(file)).digest("hex");
    const first = digest();
    const again = await runProgram("sh", ["-c", `SOURCE_DATE_EPOCH= ${pack}`], {
      ...{ cwd: root, hangsMs: npmHangsMs },
    });
    expect(again.code, again.stderr).toBe(0);
    expect(digest()).toBe(first);
  });

  test("O4: has a bill of materials: what is bundled, and what it depends on, with digests", () => {
    const bom = readJson("node_modules", "@giraffe-profiles", "giraffe", "sbom.cdx.json");
    expect(bom).toMatchObject({
      bomFormat: "CycloneDX",
      metadata: { component: { name: "@giraffe-profiles/giraffe" } },
    });
    const parts: { name: string; version: string; hashes: { content: string }[] }[] =
      bom.components;
    const names = parts.map(({ name }) => name);
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(names.toSorted()).toEqual(productionPackages.toSorted());
    const installed = Object.keys(readJson("package-lock.json").packages)
      .map((path) => path.split("node_modules/").at(-1) ?? "")
      .filter((name) => name !== "" && name !== "@giraffe-profiles/giraffe");
    expect(names).toEqual(expect.arrayContaining(installed));
    const notices = readFileSync(
      join(project, "node_modules", "@giraffe-profiles", "giraffe", "THIRD-PARTY.txt"),
      "utf8",
    );
    const bundled = [...notices.matchAll(/^node_modules\/(\S+)$/gm)].map(([, name]) => name);
    expect(bundled.length).toBeGreaterThan(5);
    expect(names).toEqual(expect.arrayContaining(bundled));
    for (const { name, hashes } of parts)
      expect(hashes, name).toMatchObject([{ content: expect.stringMatching(/^[0-9a-f]{128}$/) }]);
  });

  test("O4: has nothing that runs when it is installed, and brings nothing that has", () => {
    const manifest = readJson("node_modules", "@giraffe-profiles", "giraffe", "package.json");
    expect(manifest).not.toHaveProperty("scripts");
    expect(manifest).not.toHaveProperty("devDependencies");
    expect(manifest).not.toHaveProperty("optionalDependencies");
    const { packages } = readJson("package-lock.json");
    expect(Object.keys(packages)).toContain("node_modules/@giraffe-profiles/giraffe");
    expect(Object.keys(packages).filter((path) => packages[path].hasInstallScript)).toEqual([]);
  });

  test("has what runs, what that reads, and licenses", () => {
    const folder = join(project, "node_modules", "@giraffe-profiles", "giraffe");
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    expect(files.filter((file) => /\.tsx?$/.test(file))).toEqual(["lib/index.d.ts"]);
    expect(files.filter((file) => /test|bench|\.(?:map|node|proto)$/.test(file))).toEqual([]);
    expect(new Set(files.map(extname))).toEqual(
      new Set(["", ".js", ".ts", ".json", ".sql", ".html", ".css", ".svg", ".png", ".txt", ".md"]),
    );
    expect(files.map((file) => basename(file))).toEqual(
      expect.arrayContaining(["LICENSE", "THIRD-PARTY.txt", "README.md", "openapi.json"]),
    );
  });

  test("has a README that needs no file that is not there", () => {
    const readme = packageReadme();
    expect(blockOf(readme, "sh").trim()).toBe(serve);
    expect(readme).not.toMatch(/\]\(|npm run /);
  });

  test("runs the command line", async () => {
    const { code, stdout, stderr } = await sh("npx giraffe --help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: giraffe /);
  });

  test("C8: finds the library that reads phone numbers", async () => {
    const script = `
      import { createGiraffe } from "@giraffe-profiles/giraffe";
      await using giraffe = await createGiraffe({
        users: [
          {
            userId: "42",
            userName: "gigi",
            profile: { firstName: "Gigi", lastName: "Giraffe" },
            email: { email: "gigi@giraffe.example" },
            phone: { phone: "+41 44 668 18 00" },
          },
        ],
      });
      const headers = { authorization: "Bearer " + giraffe.token };
      console.log(await (await fetch(giraffe.url + "/management/v1/users/42", { headers })).text());`;
    writeFileSync(join(project, "phone.js"), script);
    const { stdout, stderr } = await sh("node phone.js");
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringContaining('"+41446681800"'),
      stderr: "",
    });
  });

  test("serves every protocol and all pages", async () => {
    const program = startProgram("sh", ["-c", `exec ${serve} --listen 127.0.0.1:0`], {
      cwd: project,
      isGroup: true,
    });
    onTestFinished(async () => {
      program.kill("SIGTERM");
      await program.ended;
    });
    const [, url = ""] = await program.until("stdout", /^ready (\S+)\n/m);
    const token = readFileSync(join(project, "data", "admin.token"), "utf8").trim();

    const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi by REST" };
    expect(await callRest("PUT", profileUrl({ url }), token, profile)).toMatchObject({
      status: 200,
    });
    const grpc = createClient(ManagementService, createGrpcTransport({ baseUrl: url }));
    const headers = { authorization: `Bearer ${token}`, "accept-language": "de" };
    const read = grpc.getHumanProfile({ userId: demo.userId }, { headers });
    expect(await read).toMatchObject({ profile: { displayName: "Gigi by REST" } });
    await expect(
      grpc.updateHumanProfile({ userId: demo.userId, ...profile }, { headers }),
    ).rejects.toThrow("Profil nicht verändert");
    // Reads in a thread of its own, as updates write in one.
    const found = await grpc.listUsers({}, { headers });
    expect(found.result.map(({ id }) => id)).toContain(demo.userId);

    for (const [path, text] of [
      ["/", "<title>Giraffe"],
      ["/docs", "/docs/swagger-ui-bundle.js"],
      ["/docs/swagger-ui-bundle.js", "SwaggerUI"],
      ["/docs/swagger-ui.css", ".swagger-ui"],
      ["/docs/start.js", "SwaggerUIBundle"],
      ["/openapi.json", '"openapi": "3.1'],
    ] as const) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(200);
      expect(await answer.text(), path).toContain(text);
    }

    const exported = await sh(
      "npx giraffe export > users.ndjson && npx giraffe import users.ndjson",
    );
    expect(exported.stdout).toMatch(
      /^imported 0 users, rejected 1 line, see users.ndjson.rejected\n/,
    );
  });

  test("knows PostgreSQL", async () => {
    const database = await newPostgresDatabase();
    const { code, stdout } = await sh(`npx giraffe org create Zoo --database '${database}'`);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^created organization \d+ Zoo\n$/),
    });
  });
});

describe("createGiraffe, installed", () => {
  test.for([
    { page: "documentation", read: () => example },
    { page: "package's README", read: () => blockOf(packageReadme(), "js") },
  ])("works in the test of the $page, which ends and leaves nothing behind", async ({ read }) => {
    writeFileSync(join(project, "rename.test.js"), read());
    const before = readdirSync(project);
    const { code, stdout } = await runProgram(process.execPath, ["--test"], { cwd: project });
    expect(stdout).toMatch(/^. pass 1$/m);
    expect(code).toBe(0);
    expect(readdirSync(project)).toEqual(before);
  });

  test.for([
    { runner: "Vitest", read: (code: string) => code, flags: [] },
    // Jest itself is not installed here. Its functions are Vitest's, and they are global.
    {
      runner: "Jest, with its global functions",
      read: (code: string) => code.replace(/^import .* from "vitest";\n/, ""),
      flags: ["--globals"],
    },
  ])("is reset between the tests of $runner, as documented", async ({ read, flags }) => {
    const [, , recipe = ""] = /^## With Vitest\n(.*?)^```js\n(.*?)^```$/ms.exec(page) ?? [];
    const file = join(project, "rename.spec.js");
    const link = join(project, "node_modules", "vitest");
    writeFileSync(file, read(recipe));
    symlinkSync(join(root, "node_modules", "vitest"), link);
    onTestFinished(() => {
      for (const each of [file, link]) rmSync(each);
    });
    const argv = [join(link, "vitest.mjs"), "run", "--root", project, ...flags, "rename.spec"];
    const { code, stdout } = await runProgram(process.execPath, argv, { cwd: project });
    expect(stripVTControlCharacters(stdout)).toMatch(/Tests +2 passed/);
    expect(code).toBe(0);
  });

  test("says nothing by itself", async () => {
    const script = `
      import { createGiraffe } from "@giraffe-profiles/giraffe";
      const giraffe = await createGiraffe();
      const { status } = await fetch(giraffe.url + "/debug/ready");
      await giraffe.close();
      console.log(status);`;
    const ended = await runProgram(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: project,
    });
    expect(ended).toEqual({ code: 0, stdout: "200\n", stderr: "" });
  });

  test("has types", async () => {
    const mistake = 'await createGiraffe({ users: [{ userName: "gigi" }] });\n';
    writeFileSync(join(project, "rename.test.ts"), `${example}\n${mistake}`);
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          ...{ strict: true, noEmit: true, target: "es2024", module: "nodenext" },
          ...{ types: ["node"], typeRoots: [join(root, "node_modules", "@types")] },
        },
        include: ["*.ts"],
      }),
    );
    const tsc = join(root, "node_modules", ".bin", "tsc");
    const { stdout } = await runProgram(tsc, ["--pretty", "false"], { cwd: project });
    const line = example.split("\n").length + 1;
    expect(stdout).toMatch(/^rename\.test\.ts\((\d+),\d+\): error TS\d+: .*profile, email/);
    expect(stdout.match(/^\S+\((\d+),\d+\): error/gm)).toEqual([
      expect.stringContaining(`rename.test.ts(${line},`),
    ]);
  });
});
