import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { root, runGiraffe, startGiraffe } from "../../support/child.ts";
import { callRest, createPlace, demo, profile, profileUrl } from "../serving.ts";

const memory = ["--database", "sqlite::memory:"];
const seed = ["one", "two"].map((userName, index) =>
  JSON.stringify({
    ...{ userId: String(index + 1), userName, profile: { firstName: "A", lastName: "B" } },
    ...{
      email: { email: `${userName}@giraffe.example` },
      organization: index === 0 ? undefined : "zoo",
    },
  }),
);

async function serve(...flags: string[]) {
  const { folder } = createPlace();
  writeFileSync(join(folder, "seed.ndjson"), `${seed.join("\n")}\n`);
  const token = join(folder, "token");
  const argv = ["serve", "--listen=127.0.0.1:0", ...memory, "--admin-token-file", token];
  const program = startGiraffe([...argv, "--seed", join(folder, "seed.ndjson"), ...flags]);
  onTestFinished(() => program.kill("SIGKILL"));
  const [, url = ""] = await program.until("stdout", /^ready (\S+)$/m);
  return { url, token: readFileSync(token, "utf8").trim() };
}

const reset = (url: string, method = "POST") => fetch(`${url}/debug/reset`, { method });

describe("serve --seed --test", () => {
  test("begins with the users of the file, and goes back to them", async () => {
    const { url, token } = await serve("--test", "--demo");
    const user = (id: string) => callRest("GET", `${url}/management/v1/users/${id}`, token);
    expect((await user("1")).body).toMatchObject({ user: { userName: "one" } });
    const headers = { authorization: `Bearer ${token}`, "x-zitadel-orgid": "zoo" };
    const two = await fetch(`${url}/management/v1/users/2`, { headers });
    expect(await two.json()).toMatchObject({ user: { userName: "two" } });
    for (const _ of [1, 2]) {
      expect((await callRest("PUT", profileUrl({ url }), token, profile)).body).toMatchObject({
        details: { sequence: "2" },
      });
      const answer = await reset(url);
      expect([answer.status, await answer.text()]).toEqual([204, ""]);
      expect((await user(demo.userId)).body).toMatchObject({
        user: { details: { sequence: "1" } },
      });
    }
    const wrong = await reset(url, "GET");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("as documented", async () => {
    const page = readFileSync(join(root, "docs", "embedding.md"), "utf8");
    const [, line = ""] = /^giraffe (serve .* --test)$/m.exec(page) ?? [];
    const { folder } = createPlace();
    writeFileSync(join(folder, "users.ndjson"), `${seed.join("\n")}\n`);
    const program = startGiraffe(line.split(" "), { cwd: folder });
    onTestFinished(() => program.kill("SIGKILL"));
    const [, url = ""] = await program.until("stdout", /^ready (\S+)$/m);
    expect((await reset(url)).status).toBe(204);
    expect(readFileSync(join(folder, "admin.token"), "utf8")).toMatch(/^gir_/);
  });

  test("without --test nothing goes back", async () => {
    const { url, token } = await serve("--demo");
    expect((await callRest("PUT", profileUrl({ url }), token, profile)).status).toBe(200);
    expect((await reset(url)).status).toBe(404);
    expect((await callRest("GET", profileUrl({ url }), token)).body).toMatchObject({
      details: { sequence: "2" },
    });
  });
});

const onlyMemory =
  "anybody who reaches such a server can empty it, so it takes only --database sqlite::memory: and a --listen on loopback";

test.for([
  { flags: ["--test"], want: `--test "true": ${onlyMemory}` },
  { flags: ["--test", "--database=postgres://u:p@h/d"], want: `--test "true": ${onlyMemory}` },
  {
    flags: ["--test", ...memory, "--admin-token-file=t", "--listen=0.0.0.0:0"],
    want: `--test "true": ${onlyMemory}`,
  },
  {
    flags: ["--test", ...memory, "--admin-token-file=t", "--listen=[::]:0"],
    want: `--test "true": ${onlyMemory}`,
  },
  {
    flags: ["--seed=package.json"],
    want: '--seed "package.json": only a database in memory begins with a seed',
  },
])("serve refuses $flags", async ({ flags, want }) => {
  const { code, stdout, stderr } = await runGiraffe("serve", ...flags);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`giraffe: ${want}`);
});

test("serve refuses a seed with a user that cannot be, and says which", async () => {
  const { folder } = createPlace();
  const file = join(folder, "seed.ndjson");
  writeFileSync(file, `${seed[0]}\n${seed[0]}\n`);
  const token = ["--admin-token-file", join(folder, "token")];
  const ended = await runGiraffe(
    "serve",
    "--listen=127.0.0.1:0",
    ...memory,
    ...token,
    "--seed",
    file,
  );
  expect(ended).toEqual({
    code: 1,
    stdout: "",
    stderr: "giraffe: users[1]: its userId or userName is taken\n",
  });
});
