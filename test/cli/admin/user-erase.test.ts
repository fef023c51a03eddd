import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { callers } from "../../support/api/callers.ts";
import { list, object } from "../../support/api/json.ts";
import { runGiraffe } from "../../support/child.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { startServer } from "../../support/server.ts";

const gigi = "163840776835432705";
const [caller] = callers as [(typeof callers)[number]];

async function start(database?: string) {
  const server = await startServer(["--demo"], undefined, database);
  onTestFinished(server.close);
  const typesOf = async () => {
    const options = { token: server.adminToken };
    const { listChanges } = UserService.method;
    const reply = await caller.call(server.url, listChanges, { userId: gigi }, options);
    return list(reply.body?.changes).map((change) => object(change).eventType);
  };
  const erase = (...flags: string[]) =>
    runGiraffe("user", "erase", ...flags, "--database", server.database);
  return { server, typesOf, erase };
}

describe("user erase, beside a server,", () => {
  test("erases a user in a SQLite file, and leaves nothing of it there", async () => {
    const { server, typesOf, erase } = await start();
    const files = () =>
      readdirSync(server.folder).map((name) => readFileSync(join(server.folder, name), "latin1"));
    expect(files().join("")).toContain("gigi@giraffe.example");
    expect(await erase(gigi, "--yes")).toEqual({
      ...{ code: 0, stdout: `erased user ${gigi}\n`, stderr: "" },
    });
    expect(files().join("")).not.toMatch(/gigi/i);
    expect(await typesOf()).toEqual(["user.erased", "user.removed", "user.human.added"]);
    expect(JSON.parse((await erase(gigi, "--yes", "--json")).stdout)).toEqual({
      ...{ id: gigi, sequence: 3, erased: true },
    });
  });

  test("erases a user in PostgreSQL", async () => {
    const { typesOf, erase } = await start(await newPostgresDatabase());
    expect(await erase(gigi, "--yes")).toMatchObject({ code: 0 });
    expect(await typesOf()).toEqual(["user.erased", "user.removed", "user.human.added"]);
  });

  test("asks first, and does nothing where it cannot ask", async () => {
    const { typesOf, erase } = await start();
    expect(await erase(gigi)).toMatchObject({
      ...{ code: 1, stdout: "", stderr: expect.stringContaining("say --yes") },
    });
    expect(await typesOf()).toEqual(["user.human.added"]);
  });

  test("refuses a user that there never was", async () => {
    const { erase } = await start();
    expect(await erase("1", "--yes")).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('there is no user "1"') },
    });
    expect(await erase("--yes")).toMatchObject({ code: 2 });
  });
});
