import { copyFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { callRest, createPlace, profileUrl } from "./serving.ts";

const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi" };

describe("serve", () => {
  test.for([
    { name: "is deleted", harm: (file: string) => rmSync(file) },
    {
      name: "is replaced by a copy",
      harm(file: string) {
        copyFileSync(file, `${file}.copy`);
        renameSync(`${file}.copy`, file);
      },
    },
    { name: "loses its log", harm: (file: string) => rmSync(`${file}-wal`) },
    { name: "loses the file of its lock", harm: (file: string) => rmSync(`${file}-serve.lock`) },
  ])("C2: stops, says why and creates nothing when its database $name", async ({ harm, name }) => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const token = place.token();
    const change = (nickName: string) =>
      callRest("PUT", profileUrl(server), token, { ...profile, nickName });
    expect((await change("one")).status).toBe(200);
    const file = join(place.folder, "giraffe.db");
    harm(file);
    const left = readdirSync(place.folder);
    const [answer] = await Promise.allSettled([change("two")]);
    // Only a timer checks the file of the lock, because nothing is lost without it: the change may succeed.
    if (!name.includes("lock")) {
      expect(answer).not.toMatchObject({ status: "fulfilled", value: { status: 200 } });
    }
    const { code, stderr } = await server.ended;
    expect(code).toBe(74);
    const fatal = stderr.split("\n").filter((line) => line.includes('"level":60'));
    expect(fatal.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "the database is gone: stopping", err: { message: expect.stringContaining(file) } },
    ]);
    expect(left).toEqual(expect.arrayContaining(readdirSync(place.folder)));
  });

  test("C2: makes every file so that only its owner can read it", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const { url } = server;
    await callRest("PUT", profileUrl({ url }), place.token(), profile);
    await place.administer("backup", join(place.folder, "copy.db"));
    const users = join(place.folder, "users.ndjson");
    writeFileSync(users, "no user\n");
    await place.administer("import", users);
    const modes = Object.fromEntries(
      readdirSync(place.folder).map((name) => [
        name,
        (statSync(join(place.folder, name)).mode & 0o777).toString(8),
      ]),
    );
    const ours = ["", "-wal", "-shm", "-serve.lock", "-serve.lock-journal"].map(
      (end) => `giraffe.db${end}`,
    );
    const made = [...ours, "copy.db", "users.ndjson.rejected", "admin.token"];
    expect(modes).toEqual({
      "users.ndjson": expect.anything(),
      ...Object.fromEntries(made.map((name) => [name, "600"])),
    });
  });
});
