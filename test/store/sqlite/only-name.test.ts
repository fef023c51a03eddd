import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { mountPointsFrom, secondName } from "../../../src/store/sqlite/file/only-name.ts";
import { createPlace } from "../../cli/serving.ts";
import { runGiraffe, runProgram } from "../../support/child.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-only-name-"));
afterAll(() => rmSync(folder, { recursive: true }));

const only = {
  file: "/data/giraffe.db",
  names: 1,
  device: 7,
  folderDevice: 7,
  mountPoints: new Set(["/", "/data"]),
};

describe("secondName", () => {
  test.for([
    { name: "one name in a mounted folder", seen: only },
    { name: "devices that an overlay mixes", seen: { ...only, device: 8 } },
    { name: "one device, where mounts are unknown", seen: { ...only, mountPoints: undefined } },
  ])("C1: accepts $name", ({ seen }) => {
    expect(secondName(seen)).toBeUndefined();
  });

  test.for([
    {
      name: "two names",
      seen: { ...only, names: 2 },
      want: /has 2 names \(hard links\).*mount its/,
    },
    {
      name: "a mount of the file",
      seen: { ...only, mountPoints: new Set(["/", "/data/giraffe.db"]) },
      want: /mounted as a single file.*mount its folder instead/,
    },
    {
      name: "a device of its own, where mounts are unknown",
      seen: { ...only, device: 8, mountPoints: undefined },
      want: /mounted as a single file/,
    },
  ])("C1: refuses $name", ({ seen, want }) => {
    expect(secondName(seen)).toMatch(want);
  });
});

test("mountPointsFrom reads blanks and backslashes", () => {
  const info = String.raw`29 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 29 8:1 /x /data\040of\011us\134/giraffe.db rw - ext4 /dev/sda1 rw
`;
  expect(mountPointsFrom(info)).toEqual(new Set(["/", "/data of\tus\\/giraffe.db", ""]));
});

/** Everything that opens a database. */
const commands = (target: string) => [
  ["serve", "--listen", "127.0.0.1:0"],
  ["backup", target],
  ["export"],
  ["import", "-"],
  ["org", "create", "Zoo"],
  ["org", "list"],
  ["token", "list"],
  ["member", "list"],
];

describe("a database file", () => {
  test("C1: is refused under a hard link by every command, and then under its own name", async () => {
    const place = createPlace();
    const server = await place.serve();
    const first = join(place.folder, "giraffe.db");
    const elsewhere = join(place.folder, "elsewhere");
    mkdirSync(elsewhere);
    const second = join(elsewhere, "giraffe.db");
    linkSync(first, second);
    const copy = join(place.folder, "copy.db");
    for (const command of commands(copy)) {
      const refused = await runGiraffe(...command, "--database", `sqlite:${second}`);
      expect(refused, command.join(" ")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("has 2 names (hard links)"),
      });
    }
    expect(existsSync(copy)).toBe(false);
    expect(readdirSync(elsewhere)).toEqual(["giraffe.db"]);
    server.kill("SIGTERM");
    await server.ended;
    expect((await place.administer("org", "list")).stderr).toContain("has 2 names");
    rmSync(second);
    expect((await place.administer("org", "list")).code).toBe(0);
  });

  test("C1: keeps one lock through a symbolic link", async () => {
    const place = createPlace();
    const link = join(folder, "link.db");
    await place.serve();
    symlinkSync(join(place.folder, "giraffe.db"), link);
    const beside = ["--database", `sqlite:${link}`];
    const second = await runGiraffe("serve", "--listen", "127.0.0.1:0", ...beside);
    expect(second.stderr).toContain("another server is using the database");
    expect((await runGiraffe("org", "list", ...beside)).code).toBe(0);
  });

  // Needs a mount namespace of its own, so Linux and root; elsewhere the table above has to do.
  const canMount = process.platform === "linux" && process.getuid?.() === 0;
  test.runIf(canMount)("C1: is refused where it is mounted as a single file", async () => {
    const place = createPlace();
    await place.administer("org", "create", "Zoo");
    const mounted = join(folder, "mounted as file.db");
    const script = `touch "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"`;
    for (const command of commands(join(place.folder, "copy.db"))) {
      const refused = await runProgram("unshare", [
        ...["--mount", "sh", "-c", script, "sh", join(place.folder, "giraffe.db"), mounted],
        ...[process.execPath, join(import.meta.dirname, "../../../src/main.js"), ...command],
        ...["--database", `sqlite:${mounted}`],
      ]);
      expect(refused, command.join(" ")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("is mounted as a single file"),
      });
    }
  });
});
