import { describe, expect, test } from "vitest";
import { runGiraffe } from "../../support/child.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { scrape } from "../../support/scrape.ts";
import { callRest, createPlace, profileUrl } from "../serving.ts";
import { workersOf } from "./workers-of.ts";

const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi" };
const died = /"pid":(\d+),.*a worker died/;

describe("serve --workers", () => {
  test("prints one banner when all listen, serves, and drains all", async () => {
    const place = createPlace(await newPostgresDatabase());
    const server = await place.serve("--demo", "--workers", "3");
    const changes = Array.from({ length: 30 }, (_, index) =>
      callRest("PUT", profileUrl(server), place.token(), { ...profile, nickName: `${index}` }),
    );
    expect(new Set((await Promise.all(changes)).map(({ status }) => status))).toEqual(
      new Set([200]),
    );
    const read = await callRest("GET", profileUrl(server), place.token());
    expect(read.body).toMatchObject({ details: { sequence: "31" } });
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stdout.match(/^ready /gm)).toHaveLength(1);
    expect(stderr.match(/"stopped"/g)).toHaveLength(3);
  });

  test("replaces a worker that dies, and serves on", async () => {
    const place = createPlace(await newPostgresDatabase());
    const server = await place.serve("--demo", "--workers", "2");
    const [child = 0] = workersOf(server.pid);
    process.kill(child, "SIGKILL");
    expect((await server.until("stderr", died))[1]).toBe(String(child));
    await expect.poll(() => workersOf(server.pid)).toHaveLength(2);
    expect(workersOf(server.pid)).not.toContain(child);
    for (const nickName of ["a", "b", "c", "d"]) {
      const { status } = await callRest("PUT", profileUrl(server), place.token(), {
        ...profile,
        nickName,
      });
      expect(status).toBe(200);
    }
    server.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  });

  test("tells Prometheus what all workers have counted, whichever is asked", async () => {
    const place = createPlace(await newPostgresDatabase());
    const server = await place.serve("--demo", "--workers", "3");
    // Each on a connection of its own, which the first process hands out in turn.
    const read = () =>
      fetch(profileUrl(server), {
        headers: { authorization: `Bearer ${place.token()}`, connection: "close" },
      });
    for (const _ of Array(12).keys()) expect((await read()).status).toBe(200);
    const method = "zitadel.management.v1.ManagementService/GetHumanProfile";
    const series = `giraffe_requests_total{method="${method}",protocol="rest",code="ok"}`;
    const scrapes = await Promise.all(Array.from({ length: 6 }, () => scrape(server.url)));
    expect(scrapes.map((samples) => samples[series])).toEqual(Array(6).fill(12));
    const memory = scrapes[0]?.process_resident_memory_bytes ?? 0;
    expect(memory).toBeGreaterThan(3 * 50_000_000);
  });

  test("keeps what a worker had counted when it dies, so that no counter goes back", async () => {
    const place = createPlace(await newPostgresDatabase());
    const server = await place.serve("--demo", "--workers", "2");
    const read = () =>
      fetch(profileUrl(server), {
        headers: { authorization: `Bearer ${place.token()}`, connection: "close" },
      });
    const method = "zitadel.management.v1.ManagementService/GetHumanProfile";
    const labels = `method="${method}",protocol="rest"`;
    const series = `giraffe_requests_total{${labels},code="ok"}`;
    let before: Readonly<Record<string, number>> = {};
    // Twice, because what several workers had counted is added up, too.
    for (const deaths of [1, 2]) {
      for (const _ of Array(6).keys()) expect((await read()).status).toBe(200);
      before = await scrape(server.url);
      expect(before[series]).toBe(deaths * 6);
      const [child = 0] = workersOf(server.pid);
      process.kill(child, "SIGKILL");
      await server.until("stderr", new RegExp(`"pid":${child},.*a worker died`));
      const after = await scrape(server.url);
      const fewer = Object.keys(before).filter(
        (name) => isCount(name) && (after[name] ?? 0) < (before[name] ?? 0),
      );
      expect(fewer).toEqual([]);
      expect(after[series]).toBe(deaths * 6);
      expect(after[`giraffe_request_duration_seconds_count{${labels}}`]).toBe(deaths * 6);
      await expect.poll(() => workersOf(server.pid)).toHaveLength(2);
    }
    // A gauge of a worker that has died says nothing any more.
    const infos = Object.entries(await scrape(server.url)).filter(([name]) =>
      name.startsWith("giraffe_build_info"),
    );
    expect(infos.map(([, value]) => value)).toEqual([1]);
  });

  test("reports an error once, and not once for each worker", async () => {
    const url = await newPostgresDatabase();
    const ended = await runGiraffe(
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--database",
      url,
      "--workers=2",
    );
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^giraffe: --admin-token-file is missing: [^\n]*\n$/);
  });

  test("lets admin commands work beside it", async () => {
    const place = createPlace(await newPostgresDatabase());
    await place.serve("--workers", "2");
    expect(await place.administer("org", "create", "Zoo")).toMatchObject({ code: 0 });
    const { stdout } = await place.administer("org", "list", "--json");
    expect(JSON.parse(stdout)).toMatchObject([{ name: "Giraffe" }, { name: "Zoo" }]);
  });
});

/** Whether a series only grows. The names of three gauges of prom-client end in `_total`, too. */
function isCount(series: string): boolean {
  if (series.startsWith("nodejs_active_")) return false;
  return /^[a-z_]+_(?:total|count|sum|bucket)(?:\{|$)/.test(series);
}
