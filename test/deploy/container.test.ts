import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { callRest, profile } from "../cli/serving.ts";
import { root, runProgram, startProgram } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type Image, layOut } from "./containerfile.ts";

/** npm asks registries, and they may be slow. */
const npmHangsMs = 240_000;

// Namespaces of mounts, another user and chroot need root.
const isRoot = process.getuid?.() === 0 && existsSync("/usr/bin/unshare");
if (!isRoot)
  process.stderr.write("SKIPPED: only root on Linux starts the file system of the container\n");

describe.skipIf(!isRoot)("the image of deploy/Containerfile, without a container engine", () => {
  let context: string;
  let image: Image;

  beforeAll(async () => {
    context = mkdtempSync(join(tmpdir(), "giraffe-context-"));
    const script = `node scripts/build-console.js && node scripts/build-package.js '${context}'`;
    const packed = await runProgram("sh", ["-c", script], { cwd: root, hangsMs: npmHangsMs });
    expect(packed.code, packed.stderr).toBe(0);
    image = layOut(context);
    // The base image: the system and Node.js of this machine.
    for (const folder of ["usr", "lib", "lib64", "bin", "proc", "tmp", "dev", "node"]) {
      mkdirSync(join(image.folder, folder), { recursive: true });
    }
    // The user of the container has to get to its root.
    for (const folder of [context, image.folder]) chmodSync(folder, 0o755);
  }, npmHangsMs);
  afterAll(() => {
    rmSync(context, { recursive: true, force: true });
  });

  /** Start a program in the image: its user, its environment, a root that is read-only, and its volumes. */
  function start(command: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const all = { ...image.environment, PATH: "/node:/usr/bin:/bin", ...environment };
    const variables = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    const { folder, volumes, user } = image;
    const mounts = [
      `mount --bind '${folder}' '${folder}'`,
      ...["usr", "lib", "lib64", "bin"].map((each) => `mount --rbind /${each} '${folder}/${each}'`),
      `mount --bind '${dirname(process.execPath)}' '${folder}/node'`,
      `mount -t tmpfs tmpfs '${folder}/tmp'`,
      ...volumes.map((each) => `mount --bind '${folder}${each}' '${folder}${each}'`),
      `mount -o remount,bind,ro '${folder}'`,
      `exec chroot --userspec=${user} '${folder}' /usr/bin/env -i "$@"`,
    ];
    const program = startProgram("unshare", [
      ...["--mount", "sh", "-e", "-c", mounts.join("\n"), "sh"],
      ...[...variables, ...command],
    ]);
    onTestFinished(() => program.kill("SIGKILL"));
    return program;
  }

  test("holds the package, what it depends on, and no more", () => {
    const folders = readdirSync(join(image.folder, "giraffe"));
    expect(folders).toEqual(["node_modules"]);
    const installed = readdirSync(join(image.folder, "giraffe", "node_modules"));
    expect(installed).toContain("@giraffe-profiles");
    expect(installed).not.toEqual(expect.arrayContaining(["vitest", "esbuild", "typescript"]));
    const files = readdirSync(join(image.folder, "giraffe"), {
      recursive: true,
      withFileTypes: true,
    });
    const bytes = files
      .filter((each) => each.isFile())
      .reduce((sum, each) => sum + statSync(join(each.parentPath, each.name)).size, 0);
    expect(bytes).toBeLessThan(30_000_000);
  });

  test("O5: serves as another user, with a root that is read-only, is healthy, and drains", async () => {
    const port = await freePort();
    const onPort = (text: string) => text.replaceAll("8080", String(port));
    const environment = { GIRAFFE_LISTEN: onPort(image.environment.GIRAFFE_LISTEN ?? "") };
    expect(environment.GIRAFFE_LISTEN).toBe(`0.0.0.0:${port}`);
    const isHealthy = async () => (await start(image.healthCheck.map(onPort)).ended).code;
    expect(await isHealthy()).toBe(1);

    const server = start([...image.command, "--demo"], environment);
    await server.until("stdout", /^ready /m);
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(await isHealthy()).toBe(0);

    const data = join(image.folder, "data");
    expect(readdirSync(data)).toEqual(expect.arrayContaining(["admin.token", "giraffe.db"]));
    expect(statSync(join(data, "admin.token")).mode & 0o777).toBe(0o600);
    const token = readFileSync(join(data, "admin.token"), "utf8").trim();
    const path = "management/v1/users/163840776835432705/profile";
    const changed = await callRest("PUT", `http://127.0.0.1:${port}/${path}`, token, profile);
    expect(changed.status).toBe(200);

    server.kill("SIGTERM");
    const { code, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('"msg":"stopped"');
    expect(await isHealthy()).toBe(1);
  });

  test("O5: can be written nowhere but in its volume", async () => {
    const write = (file: string) =>
      start(["node", "-e", `fs.writeFileSync(${JSON.stringify(file)}, "")`]).ended;
    expect((await write("/data/probe")).code).toBe(0);
    for (const file of ["/probe", "/giraffe/node_modules/probe"]) {
      expect((await write(file)).stderr, file).toMatch(/EROFS/);
    }
  });
});
