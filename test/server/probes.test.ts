import { describe, expect, onTestFinished, test } from "vitest";
import { createReadiness } from "../../src/rpc/health.ts";
import { createProbes } from "../../src/server/probes.ts";
import { StoreUnavailableError } from "../../src/store/event-store.ts";
import { startCuttingProxy } from "../store/postgres/cutting-proxy.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { scrape } from "../support/scrape.ts";
import { startServer } from "../support/server.ts";
import { openRaw, statuses } from "../wire/raw.ts";

async function visit(url: string, path: string) {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, body: await answer.text() };
}

const ready = { status: 200, body: '"ok"' };
const notReady = { status: 503, body: '"unavailable"' };

describe("/debug/ready", () => {
  test("is false while the server drains", async () => {
    const server = await startServer();
    expect(await visit(server.url, "/debug/ready")).toEqual(ready);
    // A server that drains takes no new connections, but answers requests that have begun.
    using connection = await openRaw(Number(new URL(server.url).port));
    connection.send("GET /debug/healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /debug/ready HTTP/1.1\r\n");
    await connection.until(/\r\n\r\nok$/);
    const closed = server.close();
    connection.send("Host: a\r\n\r\n");
    const received = await connection.closed();
    expect(statuses(received)).toEqual([200, 503]);
    expect(received).toMatch(/\r\n\r\n"unavailable"$/);
    await closed;
  });

  test("is false while the database cannot be reached, and says nothing about it", async () => {
    const url = await newPostgresDatabase();
    const proxy = await startCuttingProxy(Number(new URL(url).port));
    onTestFinished(() => proxy.close());
    const behind = new URL(url);
    behind.port = String(proxy.port);
    const server = await startServer([], undefined, behind.href);
    onTestFinished(() => server.close());
    expect(await visit(server.url, "/debug/ready")).toEqual(ready);
    proxy.refuse();
    expect(await visit(server.url, "/debug/ready")).toEqual(notReady);
    expect(await visit(server.url, "/debug/healthz")).toEqual({ status: 200, body: "ok" });
    const samples = await scrape(server.url);
    expect(samples['giraffe_store_errors_total{operation="ping",kind="unavailable"}']).toBe(1);
  });
});

describe("createProbes", () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const never = () => new Promise<never>(() => {});
  const probesOf = (ping: () => Promise<void>, metrics = async () => [] as const) => {
    const readiness = createReadiness();
    readiness.set(true);
    const probes = createProbes({ readiness, store: { ping }, metrics });
    return async (path: string) => (await probes.get(path)?.())?.status;
  };

  test.for<{ name: string; ping: () => Promise<void>; want: number }>([
    { name: "answers", ping: async () => {}, want: 200 },
    { name: "fails", ping: () => Promise.reject(new StoreUnavailableError("no")), want: 503 },
    { name: "does not answer", ping: never, want: 503 },
  ])("is $want when the database $name", async ({ ping, want }) => {
    expect(await probesOf(ping)("/debug/ready")).toBe(want);
  });

  test("does the work once for all who ask in one turn of the event loop, although each is answered at once", async () => {
    let scrapes = 0;
    const probe = probesOf(never, async () => {
      scrapes += 1;
      return [];
    });
    // The first one loads modules, which takes several turns.
    await probe("/debug/metrics");
    await turn();
    for (let count = 0; count < 10; count += 1) await probe("/debug/metrics");
    expect(scrapes).toBe(2);
    await turn();
    await probe("/debug/metrics");
    expect(scrapes).toBe(3);
  });

  test("does the work once for all who ask at the same time", async () => {
    let pings = 0;
    let scrapes = 0;
    const later = () => new Promise<void>((resolve) => setImmediate(resolve));
    const probe = probesOf(
      async () => {
        pings += 1;
        await later();
      },
      async () => {
        scrapes += 1;
        await later();
        return [];
      },
    );
    for (const path of ["/debug/ready", "/debug/metrics"]) {
      expect(await Promise.all([probe(path), probe(path), probe(path)])).toEqual([200, 200, 200]);
    }
    expect({ pings, scrapes }).toEqual({ pings: 1, scrapes: 1 });
    await turn();
    await Promise.all([probe("/debug/ready"), probe("/debug/metrics")]);
    expect({ pings, scrapes }).toEqual({ pings: 2, scrapes: 2 });
  });
});
