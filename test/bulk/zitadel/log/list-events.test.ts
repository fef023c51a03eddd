import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace, type Place } from "../../../cli/serving.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { present } from "../../../support/zitadel/files.ts";
import { makeWorld, type WorldEvent } from "../../../support/zitadel/world.ts";
import { startZitadel, zitadelToken } from "../../../support/zitadel/zitadel-server.ts";
import { expectHistory, expectMetadata, expectPeople, serveImported } from "../served.ts";

async function opened(place: Place, url: string, token = zitadelToken) {
  await place.administer("org", "create", "Zoo");
  const tokenFile = join(place.folder, "zitadel.token");
  writeFileSync(tokenFile, `${token}\n`);
  const spool = join(place.folder, "spool.db");
  const run = async () => {
    const argv = ["--from", "zitadel-events", url, "--token-file", tokenFile, "--spool", spool];
    const { code, stdout, stderr } = await place.administer("import", ...argv, "--json");
    return { code, stderr, summary: stdout === "" ? undefined : JSON.parse(stdout) };
  };
  return { spool, run };
}

const engines = [
  { engine: "SQLite", open: async () => createPlace() },
  { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
];

describe("import --from zitadel-events URL", () => {
  test.for(engines)(
    "reads the log page by page, and goes on later, on $engine",
    async ({ open }) => {
      const before = makeWorld({ people: 500 });
      const server = await startZitadel(before);
      const place = await open();
      const { run, spool } = await opened(place, server.url);
      server.fail(503);
      const first = await run();
      expect(first).toMatchObject({
        code: 0,
        summary: { imported: present(before).length, rejected: 0 },
      });
      expect(server.requests.length).toBeGreaterThanOrEqual(
        Math.ceil(before.events.length / 1_000),
      );
      expect(statSync(spool).mode & 0o777).toBe(0o600);
      for (const secret of ["not-a-real-hash", "c2VjcmV0"]) {
        expect(readFileSync(spool, "latin1")).not.toContain(secret);
      }
      const world = makeWorld({ people: 500, later: 1 });
      server.setWorld(world);
      server.requests.length = 0;
      const second = await run();
      expect(second).toMatchObject({ code: 0, summary: { rejected: 0 } });
      expect(server.requests[0]).toHaveProperty("from");
      const served = await serveImported(place);
      await expectPeople(served, world, { withOrigin: true });
      await expectMetadata(served, world);
      const isReused = (events: readonly WorldEvent[]) =>
        events.some((each) => each.event_type === "user.removed");
      const people = world.people.filter(({ events }) => !isReused(events));
      await expectHistory(served, { ...world, people }, 10);
    },
  );

  test("counts the same losses as a file", async () => {
    const world = makeWorld({ people: 120 });
    const server = await startZitadel(world);
    const { run } = await opened(createPlace(), server.url);
    const { summary } = await run();
    const place = createPlace();
    const file = join(place.folder, "events.ndjson");
    writeFileSync(file, world.events.map((each) => `${JSON.stringify(each)}\n`).join(""));
    await place.administer("org", "create", "Zoo");
    const other = await place.administer("import", "--from", "zitadel-events", file, "--json");
    expect(summary.notTaken).toEqual(JSON.parse(other.stdout).notTaken);
  });

  test("says what the server refuses, and when dates do not suffice", async () => {
    const world = makeWorld({ people: 2 });
    const server = await startZitadel(world);
    const refused = await opened(createPlace(), server.url, "another");
    expect(await refused.run()).toMatchObject({ code: 1, stderr: expect.stringContaining("401") });
    const [event] = world.events.filter((each) => each.aggregate_type === "user");
    const many = Array.from({ length: 2_000 }, (_, index) => ({
      ...(event as WorldEvent),
      aggregate_id: String(index),
    }));
    server.setEvents(many);
    const { run } = await opened(createPlace(), server.url);
    const { code, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("have the date") });
  });

  test("keeps the events of one server in a file", async () => {
    const world = makeWorld({ people: 2 });
    const [one, other] = [await startZitadel(world), await startZitadel(world)];
    const place = createPlace();
    await (await opened(place, one.url)).run();
    const { stderr } = await (await opened(place, other.url)).run();
    expect(stderr).toContain(`has the events of ${one.url}, not of ${other.url}`);
  });
});
