import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { problemOfNode } from "../../../../src/store/postgres/cluster/cluster-settings.ts";
import { createPlace } from "../../../cli/serving.ts";
import { root, startProgram } from "../../../support/child.ts";
import { query } from "../../../support/postgres.ts";
import { scrape } from "../../../support/scrape.ts";
import { startServer } from "../../../support/server.ts";
import { newCatalogue, setAnswers } from "./catalogue.ts";
import { openingOf } from "./opening.ts";

describe("a worker", () => {
  test("does not set up a database, and says who does", async () => {
    const url = await newCatalogue({ group: 1 });
    expect(await openingOf(url)).toMatch(
      /^StoreUnavailableError: .*only the coordinator of Citus can do that: start one server with the address/,
    );
    expect(await query(url, "select to_regclass('schema_versions') as name")).toEqual([
      { name: null },
    ]);
  });

  test("is as good as the coordinator for all further servers", async () => {
    const url = await newCatalogue();
    await openingOf(url);
    await query(url, "update pg_dist_local_group set groupid = 2");
    expect(await openingOf(url)).toBe("opened");
    await query(url, "delete from schema_versions where version > 9");
    expect(await openingOf(url)).toMatch(/only the coordinator of Citus/);
  });
});

describe("settings of a node", () => {
  const safe = {
    ...{ fsync: "on", synchronous_commit: "on", synchronous_standby_names: "" },
    ...{ max_prepared_transactions: "100", server_encoding: "UTF8" },
  };

  test("C5: that are safe are accepted, with the extension's own defaults and without", () => {
    const defaults = {
      "citus.use_secondary_nodes": "never",
      "citus.limit_clause_row_fetch_count": "-1",
      "citus.recover_2pc_interval": "60000",
      "citus.shard_replication_factor": "1",
      "citus.all_modifications_commutative": "off",
    };
    expect(problemOfNode("w:1", safe)).toBeUndefined();
    expect(problemOfNode("w:1", { ...safe, ...defaults })).toBeUndefined();
    const standby = { ...safe, synchronous_standby_names: "s" };
    expect(problemOfNode("w:1", standby)).toBeUndefined();
  });

  test.for([
    { settings: { fsync: "off" }, want: /fsync = off and may lose/ },
    { settings: { data_sync_retry: "on" }, want: /disk fails: turn it off/ },
    { settings: { synchronous_commit: "off" }, want: /synchronous_commit = off and may lose/ },
    {
      settings: { synchronous_commit: "local", synchronous_standby_names: "s" },
      want: /synchronous_commit = local beside .* set synchronous_commit to on/,
    },
    { settings: { max_prepared_transactions: "0" }, want: /max_connections, and restart the node/ },
    { settings: { server_encoding: "LATIN1" }, want: /encoding 'UTF8' template template0/ },
    { settings: { "citus.use_secondary_nodes": "always" }, want: /older .*: set it to never/ },
    { settings: { "citus.limit_clause_row_fetch_count": "10" }, want: /lack entries: reset it/ },
    { settings: { "citus.recover_2pc_interval": "-1" }, want: /never finished: reset it/ },
    { settings: { "citus.shard_replication_factor": "2" }, want: /may differ .*: set it to 1/ },
    { settings: { "citus.all_modifications_commutative": "on" }, want: /orders .*: turn it off/ },
  ])(
    "C5: $settings are refused, and the message names the node and says what to do",
    async ({ settings, want }) => {
      expect(problemOfNode("w:2", { ...safe, ...settings })).toMatch(want);
      expect(await openingOf(await newCatalogue({ settings }))).toMatch(
        new RegExp(`^UnsafeServerError: the node w:2 of Citus .*${want.source}`),
      );
    },
  );

  test("C5: are not asked of a node that is gone", async () => {
    const url = await newCatalogue({ settings: { fsync: "off" } });
    await setAnswers(url, 2, false);
    expect(await openingOf(url)).toBe("opened");
  });
});

test("a cluster without one of its nodes is ready but degraded, until the node is back", async () => {
  const url = await newCatalogue();
  const server = await startServer([], undefined, url);
  onTestFinished(() => server.close());
  const readiness = async () => {
    const answer = await fetch(`${server.url}/debug/ready`);
    const samples = await scrape(server.url);
    return {
      ...{ status: answer.status, body: await answer.text() },
      ...{ nodes: samples.giraffe_database_nodes, down: samples.giraffe_database_nodes_down },
    };
  };
  await expect.poll(readiness).toEqual({ status: 200, body: '"ok"', nodes: 2, down: 0 });
  await setAnswers(url, 1, false);
  await expect.poll(readiness).toEqual({ status: 200, body: '"degraded"', nodes: 2, down: 1 });
  await setAnswers(url, 1, true);
  await expect.poll(readiness).toEqual({ status: 200, body: '"ok"', nodes: 2, down: 0 });
});

test("the log tells which nodes are gone, and when they are back", async () => {
  const url = await newCatalogue();
  await setAnswers(url, 2, false);
  const { folder } = createPlace(url);
  const flags = ["--listen", "127.0.0.1:0", "--database", url, "--workers=1"];
  const program = startProgram(
    process.execPath,
    ["src/main.js", "serve", ...flags, "--admin-token-file", join(folder, "token")],
    { cwd: root },
  );
  onTestFinished(() => program.kill("SIGKILL"));
  const [line] = await program.until("stderr", /^.*nodes of the database do not answer.*$/m);
  expect(JSON.parse(line ?? "")).toMatchObject({ severity: "warn", down: ["w:2"] });
  await setAnswers(url, 2, true);
  await program.until("stderr", /all nodes of the database answer again/);
  program.kill("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 0 });
});
