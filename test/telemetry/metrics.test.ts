import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { demo } from "../cli/serving.ts";
import { callers, closeCallers } from "../support/api/callers.ts";
import { text } from "../support/api/json.ts";
import { gigi, methods } from "../support/api/setting.ts";
import { root } from "../support/child.ts";
import { samplesFrom, scrape } from "../support/scrape.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { frameTypes, http2Frame, http2Opening, openRaw } from "../wire/raw.ts";

const management = "zitadel.management.v1.ManagementService";

afterAll(closeCallers);

async function startOwn(): Promise<TestServer> {
  const server = await startServer(["--demo"]);
  onTestFinished(() => server.close());
  return server;
}

const readUser = (server: TestServer, caller = callers[0], token = server.adminToken) =>
  caller?.call(server.url, methods.getHumanProfile, { userId: demo.userId }, { token });

const protocolNames = { gRPC: "grpc", "gRPC-Web": "grpc-web", Connect: "connect", REST: "rest" };

describe("/debug/metrics", () => {
  test("is for Prometheus, without a token", async () => {
    const server = await startOwn();
    const answer = await fetch(`${server.url}/debug/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const body = await answer.text();
    expect(Object.keys(samplesFrom(body)).length).toBeGreaterThan(50);
    for (const name of new Set(body.match(/^# TYPE \S+/gm)?.map((line) => line.slice(7)))) {
      expect(body.match(new RegExp(`^# HELP ${name} \\S`, "gm")), name).toHaveLength(1);
    }
  });

  test.for(callers)(
    "counts and times calls by method, protocol and code: $name",
    async (caller) => {
      const server = await startOwn();
      const protocol = protocolNames[caller.protocol];
      expect(await readUser(server, caller)).toMatchObject({ code: 0 });
      expect(await readUser(server, caller)).toMatchObject({ code: 0 });
      expect(await readUser(server, caller, "wrong")).toMatchObject({ code: 16 });
      const samples = await scrape(server.url);
      const labels = `method="${management}/GetHumanProfile",protocol="${protocol}"`;
      expect(samples).toMatchObject({
        [`giraffe_requests_total{${labels},code="ok"}`]: 2,
        [`giraffe_requests_total{${labels},code="unauthenticated"}`]: 1,
        [`giraffe_request_duration_seconds_count{${labels}}`]: 3,
        [`giraffe_request_duration_seconds_bucket{le="+Inf",${labels}}`]: 3,
      });
      const seconds = samples[`giraffe_request_duration_seconds_sum{${labels}}`];
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(60);
    },
  );

  test("counts requests that are no calls by their HTTP status, and pages under their paths", async () => {
    const server = await startOwn();
    await scrape(server.url);
    await fetch(`${server.url}/nowhere`);
    await fetch(`${server.url}/debug/metrics`, { method: "POST" });
    await fetch(`${server.url}/${management}/GetHumanProfile`, { method: "POST", body: "x" });
    const labels = `method="unknown",protocol="http"`;
    const pages = ["/debug/healthz", "/debug/ready", "/openapi.json"];
    for (const page of [...pages, "/debug/ready"]) await fetch(`${server.url}${page}?x=1`);
    const page = (path: string) =>
      `giraffe_requests_total{method="${path}",protocol="http",code="ok"}`;
    const samples = await scrape(server.url);
    expect(samples).toMatchObject({
      [page("/debug/metrics")]: 1,
      [page("/debug/healthz")]: 1,
      [page("/debug/ready")]: 2,
      [page("/openapi.json")]: 1,
      [`giraffe_requests_total{${labels},code="http_404"}`]: 1,
      [`giraffe_requests_total{${labels},code="http_405"}`]: 1,
      [`giraffe_requests_total{method="${management}/GetHumanProfile",protocol="connect",code="http_415"}`]: 1,
    });
    expect(samples).not.toHaveProperty([`giraffe_requests_total{${labels},code="ok"}`]);
  });

  test("tells what runs, and since when", async () => {
    const server = await startOwn();
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const labels = `version="${version}",node="${process.versions.node}",engine="sqlite"`;
    const samples = await scrape(server.url);
    expect(samples[`giraffe_build_info{${labels}}`]).toBe(1);
    expect(samples.process_start_time_seconds).toBeGreaterThan(Date.now() / 1_000 - 86_400);
  });

  test("tells of batches, the queue, the event loop, connections and the process", async () => {
    const server = await startOwn();
    const add = async (number: number) => {
      const userName = `user-${number}`;
      const email = { email: `${userName}@giraffe.example` };
      const user = { userName, profile: gigi, email };
      await callers[0]?.call(server.url, methods.addHumanUser, user, { token: server.adminToken });
    };
    await Promise.all(Array.from({ length: 20 }, (_, number) => add(number)));
    await expect
      .poll(async () => (await scrape(server.url)).giraffe_event_loop_lag_seconds_count)
      .toBeGreaterThan(0);
    const samples = await scrape(server.url);
    // The demo user, and ours.
    expect(samples.giraffe_store_batch_size_sum).toBe(21);
    expect(samples).toMatchObject({
      giraffe_store_batch_size_count: samples.giraffe_store_batch_wait_seconds_count,
      'giraffe_store_commit_duration_seconds_count{outcome="stored"}':
        samples.giraffe_store_batch_size_count,
      giraffe_store_changes_waiting: 0,
      giraffe_calls_in_flight: 0,
    });
    expect(samples.giraffe_connections).toBeGreaterThanOrEqual(1);
    expect(samples.process_resident_memory_bytes).toBeGreaterThan(1_000_000);
    expect(samples.process_start_time_seconds).toBeLessThanOrEqual(Date.now() / 1_000);
    expect(samples).toHaveProperty("process_cpu_seconds_total");
  });

  test("tells why HTTP/2 connections were closed", async () => {
    const server = await startOwn();
    for (let round = 0; round < 2; round += 1) {
      using connection = await openRaw(Number(new URL(server.url).port));
      const closed = connection.closed();
      connection.send(
        Buffer.concat([http2Opening, http2Frame(frameTypes.windowUpdate, 0, 0, Buffer.alloc(4))]),
      );
      await closed;
    }
    expect(await scrape(server.url)).toMatchObject({
      'giraffe_http2_connections_closed_total{reason="window_update_of_0"}': 2,
    });
  });

  test("tells of changes that wait, calls in flight and a store that fails", async () => {
    const server = await startOwn();
    const other = new DatabaseSync(join(server.folder, "giraffe.db"));
    other.exec("begin immediate");
    const update = callers[0]?.call(
      server.url,
      methods.updateHumanProfile,
      { userId: demo.userId, ...gigi },
      { token: server.adminToken },
    );
    await expect
      .poll(() => scrape(server.url))
      .toMatchObject({ giraffe_store_changes_waiting: 1, giraffe_calls_in_flight: 1 });
    expect(await update).toMatchObject({ code: 14 });
    other.close();
    expect(await scrape(server.url)).toMatchObject({
      giraffe_store_changes_waiting: 0,
      giraffe_calls_in_flight: 0,
      'giraffe_store_commit_duration_seconds_count{outcome="unavailable"}': 1,
      'giraffe_store_errors_total{operation="change",kind="unavailable"}': 1,
    });
  });
});

describe("O1: no label comes from a caller", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(["--demo"]);
  });
  afterAll(() => server.close());

  test("whatever method, path, protocol, header or body it sends", async () => {
    const canary = "Persephone-Okapi";
    const email = "persephone@okapi.example";
    const before = Object.keys(await scrape(server.url));
    const names = { firstName: canary, lastName: canary, displayName: canary };
    for (const caller of callers) {
      const call = (method: (typeof methods)[keyof typeof methods], request: object) =>
        caller.call(server.url, method, request as never, {
          token: server.adminToken,
          headers: { "x-zitadel-orgid": server.organization, "x-request-id": canary },
        });
      const user = { userName: `${caller.name}-${email}`, profile: names, email: { email } };
      const added = await call(methods.addHumanUser, user);
      await call(methods.updateHumanProfile, { userId: text(added?.body?.userId), ...gigi });
      await call(methods.updateHumanProfile, { userId: canary, ...names });
    }
    for (const number of Array(50).keys()) {
      const path = `${canary}.${number}.Service/Method${number}`;
      const headers = { "content-type": `application/${canary}+${number}` };
      await fetch(`${server.url}/${path}?token=${server.adminToken}`, { headers });
      await fetch(`${server.url}/${path}`, {
        method: "POST",
        headers: { "content-type": "application/grpc-web+proto", "x-user-agent": canary },
        body: canary,
      });
      await fetch(`${server.url}/management/v1/users/${number}-${email}`, { method: "PUT" });
    }
    const response = await fetch(`${server.url}/debug/metrics`);
    const body = await response.text();
    for (const secret of [canary, email, server.adminToken, "okapi", server.organization]) {
      expect(body).not.toContain(secret);
    }
    const methodsSeen = new Set([...body.matchAll(/method="([^"]*)"/g)].map(([, name]) => name));
    const known = Object.values(methods).map(({ name }) => `${management}/${name}`);
    expect(
      [...methodsSeen].filter(
        (name) => ![...known, "unknown", "/debug/metrics"].includes(`${name}`),
      ),
    ).toEqual([]);
    const own = ["unknown", "/debug/metrics"];
    expect([...methodsSeen].filter((name) => !name?.includes("zitadel")).sort()).toEqual(
      own.toSorted(),
    );
    const others = Object.keys(samplesFrom(body)).filter((series) => !before.includes(series));
    expect(
      others.filter((series) => series.startsWith("giraffe_requests_total")).length,
    ).toBeLessThan(callers.length * 2 * 4 + 10);
  });
});
