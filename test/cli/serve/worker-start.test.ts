import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startGiraffe } from "../../support/child.ts";
import { freePort } from "../../support/free-port.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { createPlace } from "../serving.ts";
import { workersOf } from "./workers-of.ts";

/** A server of two workers. The first one serves, and the second one does not begin before `goOn`. */
async function startHalf() {
  const place = createPlace(await newPostgresDatabase());
  const gate = join(place.folder, "gate");
  const wait = `import { existsSync } from "node:fs";
    while (process.env.NODE_UNIQUE_ID === "2" && !existsSync(${JSON.stringify(gate)}))
      await new Promise((resolve) => setTimeout(resolve, 20));`;
  const listen = `127.0.0.1:${await freePort()}`;
  const server = startGiraffe(
    [
      ...["serve", "--workers", "2", "--listen", listen, "--database", place.database],
      ...["--admin-token-file", join(place.folder, "admin.token")],
    ],
    { preload: `data:text/javascript,${encodeURIComponent(wait)}` },
  );
  onTestFinished(async () => {
    server.kill("SIGKILL");
    await server.ended;
  });
  const ask = (path: string) =>
    fetch(`http://${listen}${path}`, { headers: { connection: "close" } }).then(
      ({ status }) => status,
      () => undefined,
    );
  await expect.poll(() => ask("/debug/ready")).toBe(200);
  await expect.poll(() => workersOf(server.pid)).toHaveLength(2);
  return { server, ask, goOn: () => writeFileSync(gate, "") };
}

test("a worker that dies while others start is replaced", async () => {
  const { server, ask, goOn } = await startHalf();
  const [first = 0] = workersOf(server.pid);
  process.kill(first, "SIGKILL");
  // Its end may be seen after the others have started, so this waits until it is gone.
  await expect.poll(() => workersOf(server.pid)).not.toContain(first);
  goOn();
  await server.until("stdout", /^ready /m);
  await server.until("stderr", new RegExp(`"pid":${first},.*a worker died`));
  await expect.poll(() => workersOf(server.pid)).toHaveLength(2);
  expect(await ask("/debug/ready")).toBe(200);
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("a scrape while others start is answered", async () => {
  const { server, ask, goOn } = await startHalf();
  expect(await ask("/debug/metrics")).toBe(200);
  goOn();
  await server.until("stdout", /^ready /m);
  expect(await Promise.all([ask("/debug/metrics"), ask("/debug/metrics")])).toEqual([200, 200]);
});

test("a worker of the first start that ends before it has started ends the server", async () => {
  const { server } = await startHalf();
  const [, second = 0] = workersOf(server.pid);
  process.kill(second, "SIGKILL");
  const { code, stdout, stderr } = await server.ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).not.toContain("a worker died");
});
