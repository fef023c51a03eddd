import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { root, runProgram, startProgram } from "./support/child.ts";

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("npm start", () => {
  test("serves the demo until SIGTERM, and ends well", async () => {
    const database = `sqlite:${join(createFolder(), "giraffe.db")}`;
    const npm = startProgram(
      "npm",
      ["start", "--", "--listen", "127.0.0.1:0", "--database", database],
      { cwd: root },
    );
    onTestFinished(() => npm.kill("SIGKILL"));
    const [, url] = await npm.until("stdout", /^ready (\S+)\n/m);
    expect(await (await fetch(`${url}/debug/healthz`)).text()).toBe("ok");
    npm.kill("SIGTERM");
    expect(await npm.ended).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("curl -X PUT"),
      stderr: expect.stringContaining('"msg":"stopped"'),
    });
  });
});

describe("npm run giraffe", () => {
  test("W16: runs any command on a Node that is new enough", async () => {
    const { code, stdout } = await runProgram("npm", ["run", "-s", "giraffe", "--", "--help"], {
      cwd: root,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: giraffe /);
  });
});

describe("an old Node", () => {
  const serveOn = (version: string, main: string) => {
    const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
    return runProgram(
      process.execPath,
      ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, main, "serve"],
      { cwd: root },
    );
  };

  test("is told what to do where the package is installed", async () => {
    const main = join(createFolder(), "node_modules/giraffe/main.js");
    cpSync(join(root, "src/main.js"), main);
    const { code, stderr } = await serveOn("20.19.0", main);
    expect(code).toBe(1);
    expect(stderr).toContain('npx -p node@24 -c "giraffe COMMAND"');
    expect(stderr).not.toContain("npm ci");
  });

  test.for(["20.19.0", "22.22.2", "24.14.0"])("%s is told what to do", async (version) => {
    const { code, stdout, stderr } = await serveOn(version, "src/main.js");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(`giraffe: Node ${version} is too old: 24.14.1 or newer is needed.`);
    expect(stderr).toMatch("npm ci");
  });
});
