import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { root, runProgram } from "../../support/child.ts";

test("a worker that has just died does not take the first process with it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "first.ts");
  // The first process does not return to its event loop between the death and the orders, so it cannot know of it.
  const text = `
    import cluster from "node:cluster";
    import { once } from "node:events";
    import { readFileSync } from "node:fs";
    import { order, send } from ${JSON.stringify(join(root, "src/cli/serve/order-workers.ts"))};
    if (cluster.isPrimary) {
      const worker = cluster.fork();
      await once(worker, "online");
      const { pid } = worker.process;
      process.kill(pid, "SIGKILL");
      while (!/\\) Z /.test(readFileSync("/proc/" + pid + "/stat", "utf8"))) {}
      console.log("connected:", worker.isConnected());
      order({ kind: "count" });
      send(worker, { kind: "all counts", counts: [] });
      await once(worker, "exit");
      send(worker, { kind: "reload" });
      setImmediate(() => console.log("goes on"));
    }`;
  writeFileSync(file, text);
  expect(await runProgram(process.execPath, [file])).toEqual({
    code: 0,
    stdout: "connected: true\ngoes on\n",
    stderr: "",
  });
});
