import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { canTrace, failSync } from "../support/strace.ts";
import { callRest, changed, createPlace, profile, profileUrl } from "./serving.ts";

describe("serve", () => {
  test("F19: stops at once when the disk cannot keep a change, and does not ask it again", async (context) => {
    context.skip(!(await canTrace()), "strace is not there, or may not look at processes");
    const place = createPlace();
    const server = await place.serve("--demo");
    const token = place.token();
    const { calls } = await failSync([server.pid], 2);
    const change = (nickName: string) =>
      callRest("PUT", profileUrl(server), token, { ...profile, nickName });
    expect(await change("one")).toMatchObject({ status: 200 });
    expect(await Promise.allSettled([change("two")])).not.toMatchObject([
      { status: "fulfilled", value: { status: 200 } },
    ]);
    const { code, stderr } = await server.ended;
    expect(code).toBe(70);
    const fatal = stderr.split("\n").filter((line) => line.includes('"level":60'));
    expect(fatal.map((line) => JSON.parse(line))).toMatchObject([
      {
        msg: "the disk failed: stopping at once",
        err: { message: "the disk could not keep what was written: disk I/O error" },
      },
    ]);
    const results = (await calls).map((line) => /= (-?\d+)/.exec(line)?.[1]);
    expect(results).toEqual(["0", "-1"]);

    const again = await place.serve();
    const read = await callRest("GET", profileUrl(again), token);
    expect(["one", "two"]).toContain((read.body.profile as { nickName: string }).nickName);
    const next = await callRest("PUT", profileUrl(again), token, { ...profile, nickName: "three" });
    expect(next.status).toBe(200);
  });

  test("F19: a start writes what a crash has left in the log to the database file", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const token = place.token();
    expect(await callRest("PUT", profileUrl(server), token, profile)).toEqual(changed("2"));
    server.kill("SIGKILL");
    await server.ended;
    const file = join(place.folder, "giraffe.db");
    const bytes = () => [statSync(`${file}-wal`).size, statSync(file).size];
    const [left = 0, before = 0] = bytes();
    expect(left).toBeGreaterThan(0);

    const again = await place.serve();
    const [log = 0, after = 0] = bytes();
    expect(log).toBe(0);
    expect(after).toBeGreaterThan(before);
    const read = await callRest("GET", profileUrl(again), token);
    expect(read.body.profile).toMatchObject({ displayName: profile.displayName });
  });
});
