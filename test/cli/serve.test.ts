import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { root, runGiraffe, runProgram, startGiraffe, startProgram } from "../support/child.ts";
import { callRest, changed, createPlace, profile, profileUrl, type Serving } from "./serving.ts";

// Long because each test starts servers in processes of their own and says what they print.

describe("serve", () => {
  test("says on the last line of stdout that it is ready, and where", async () => {
    const server = await createPlace().serve("--demo");
    server.kill("SIGTERM");
    const { stdout } = await server.ended;
    expect(stdout).toMatch(/\nready http:\/\/127\.0\.0\.1:[1-9]\d*\n$/);
  });

  test("keeps every change, however it ends", async () => {
    const place = createPlace();
    const first = await place.serve("--demo");
    const change = (server: Serving, nickName: string) =>
      callRest("PUT", profileUrl(server), place.token(), { ...profile, nickName });
    const read = async (server: Serving) =>
      (await callRest("GET", profileUrl(server), place.token())).body;

    expect(await change(first, "one")).toEqual(changed("2"));
    expect(await read(first)).toMatchObject({
      profile: { nickName: "one" },
      details: { sequence: "2" },
    });
    first.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 0 });

    const second = await place.serve();
    expect(await read(second)).toMatchObject({ profile: { nickName: "one" } });
    expect(await change(second, "two")).toEqual(changed("3"));
    second.kill("SIGKILL");
    expect(await second.ended).toMatchObject({ code: null });

    const third = await place.serve();
    expect(await read(third)).toMatchObject({ profile: { nickName: "two" } });
    expect(await change(third, "three")).toEqual(changed("4"));
    third.kill("SIGINT");
    expect(await third.ended).toMatchObject({ code: 0 });
  });

  test("O7: refuses a database that another server uses, and lets commands work beside it", async () => {
    const place = createPlace();
    const server = await place.serve();
    const { code, stdout, stderr } = await place.administer("serve", "--listen", "127.0.0.1:0");
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: `giraffe: another server is using the database ${join(place.folder, "giraffe.db")}\n`,
    });

    const org = JSON.parse((await place.administer("org", "create", "Zoo", "--json")).stdout);
    const token = JSON.parse(
      (
        await place.administer(
          ...["token", "create", "--name", "keeper", "--role", "ORG_OWNER"],
          ...["--org", org.id, "--json"],
        )
      ).stdout,
    );
    const users = `${server.url}/management/v1/users/human/_import`;
    const user = { userName: "keeper", profile, email: { email: "keeper@giraffe.example" } };
    expect(await callRest("POST", users, token.secret, user)).toMatchObject({
      status: 200,
      body: { details: { resourceOwner: org.id } },
    });
  });

  test("writes the first token where only its owner can read it, and nowhere else", async () => {
    const place = createPlace();
    const file = join(place.folder, "secrets", "first");
    const server = await place.serve("--demo", "--admin-token-file", file);
    const token = readFileSync(file, "utf8").trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await callRest("PUT", profileUrl(server), token, profile)).toEqual(changed("2"));
    server.kill("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expect(stdout + stderr).not.toContain(token);
    for (const name of readdirSync(place.folder).filter((each) => each.startsWith("giraffe"))) {
      expect(readFileSync(join(place.folder, name), "latin1"), name).not.toContain(token);
    }
  });

  test("refuses a folder in the place of the first token, before the database is set up", async () => {
    const place = createPlace();
    const file = join(place.folder, "admin.token");
    mkdirSync(file);
    const flags = ["--listen", "127.0.0.1:0", "--database", place.database];
    expect(await runGiraffe("serve", ...flags, "--admin-token-file", file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`the first token cannot be written: ${file} is a folder`),
    });
    rmdirSync(file);
    const server = await place.serve("--demo");
    expect(await callRest("PUT", profileUrl(server), place.token(), profile)).toEqual(changed("2"));
    expect(readdirSync(place.folder).filter((name) => name.includes("token"))).toEqual([
      "admin.token",
    ]);
  });

  test("refuses a pipe as the secret for introspection, because it is empty when it is read again", async () => {
    const { folder } = createPlace();
    const main = join(root, "src/main.js");
    const flags =
      "--listen 127.0.0.1:0 --introspection-url http://127.0.0.1:9 --introspection-client-id me " +
      "--introspection-client-secret-file /dev/stdin";
    const command = `echo s3cret | "${process.execPath}" "${main}" serve ${flags}`;
    expect(await runProgram("sh", ["-c", command], { cwd: folder })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("/dev/stdin is empty now: give a file"),
    });
  });

  test("says nothing secret or personal, whatever is asked and however much it logs", async () => {
    const place = createPlace();
    const server = await place.serve("--demo", "--log-level", "trace");
    const names = ["Persephone", "Okapi-Smith", "Persy", "P. Okapi"] as const;
    const [firstName, lastName, nickName, displayName] = names;
    const email = "persephone@okapi.example";
    const secret = "tell-nobody";
    const user = { userName: email, email: { email }, profile: { firstName, lastName } };
    const import_ = `${server.url}/management/v1/users/human/_import`;
    const statuses = [
      await callRest("POST", import_, place.token(), user),
      await callRest("POST", import_, place.token(), user),
      await callRest("POST", import_, secret, user),
      await callRest("PUT", profileUrl(server), place.token(), {
        ...{ firstName, lastName, nickName, displayName },
      }),
      await callRest("PUT", profileUrl(server), place.token(), { firstName, gender: lastName }),
      await fetch(`${server.url}/${firstName}?token=${secret}`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 409, 401, 200, 400, 404]);
    server.kill("SIGTERM");
    const { stdout, stderr } = await server.ended;
    for (const text of [...names, email, secret, place.token(), "Giraffe@", "gigi@"]) {
      expect(stderr).not.toContain(text);
      expect(stdout).not.toContain(text);
    }
    expect(stderr.match(/"msg":"request"/g)).toHaveLength(6);
    for (const line of stderr.trim().split("\n"))
      expect(() => JSON.parse(line), line).not.toThrow();
  });
});

describe("the log", () => {
  test("C12: has warnings of Node.js as lines of JSON, and nothing else is on stderr", async () => {
    const place = createPlace();
    const warning = join(place.folder, "warn.mjs");
    // Warn as soon as the server listens for warnings. A library may warn at any time.
    const text = `process.on("newListener", (name) => {
      if (name === "warning") setImmediate(() => process.emitWarning("mind the step"));
    });`;
    writeFileSync(warning, text);
    const program = startGiraffe(
      ["serve", "--listen", "127.0.0.1:0", "--database", place.database, "--demo"],
      { preload: warning },
    );
    onTestFinished(() => program.kill("SIGKILL"));
    await program.until("stdout", /^ready /m);
    program.kill("SIGTERM");
    const { stderr } = await program.ended;
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ level }) => level === "warn" || level === 40)).toMatchObject([
      { err: { message: "mind the step" } },
    ]);
  });
});

describe("--help", () => {
  test.for([
    { argv: "--help", says: "serve [options]" },
    { argv: "serve --help", says: "--listen <HOST:PORT>" },
    { argv: "org --help", says: "create" },
    { argv: "token create --help", says: "--role <ROLE>" },
  ])("explains giraffe $argv", async ({ argv, says }) => {
    expect(await runGiraffe(...argv.split(" "))).toEqual({
      code: 0,
      stdout: expect.stringContaining(says),
      stderr: "",
    });
  });
});

describe("serve refuses", () => {
  test("a wrong configuration, with everything that is wrong", async () => {
    const { code, stdout, stderr } = await runGiraffe(
      ...["serve", "--listen", "nonsense", "--log-level", "loud", "--max-message-bytes", "0"],
      ...["--database", "mysql://root:secret@host/db", "--tls-key", "none.pem", "--bogus"],
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    const flags = lines.map((line) => /^giraffe: (--[a-z-]+)/.exec(line)?.[1]);
    expect(new Set(flags)).toEqual(
      new Set([
        ...["--listen", "--log-level", "--max-message-bytes"],
        ...["--database", "--tls-key", "--tls-cert", "--bogus"],
      ]),
    );
    expect(stderr).not.toContain("secret");
  });

  test("a port that another program uses, and says which", async () => {
    const server = await createPlace().serve();
    const { host } = new URL(server.url);
    const { code, stdout, stderr } = await createPlace().administer("serve", "--listen", host);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `giraffe: --listen ${host}: address already in use: stop the program that uses it, or give another port; port 0 picks a free one\n`,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("an address that this machine does not have", async () => {
    // TEST-NET-3 (RFC 5737).
    const { code, stderr } = await createPlace().administer("serve", "--listen", "203.0.113.7:0");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "giraffe: --listen 203.0.113.7:0: this machine has no such address: give one of its own, or 0.0.0.0 or [::] for all of them\n",
    });
  });

  test("a private key that does not belong to the certificate", async () => {
    const pem = (name: string) => join(root, "test", "support", "tls", name);
    const { code, stdout, stderr } = await createPlace().administer(
      ...["serve", "--listen", "127.0.0.1:0"],
      ...["--tls-cert", pem("cert.pem"), "--tls-key", pem("renewed-key.pem")],
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: `giraffe: the private key in ${pem("renewed-key.pem")} does not belong to the certificate in ${pem("cert.pem")}: give the key that the certificate was made for\n`,
    });
  });

  test("TLS files that hold something else", async () => {
    const place = createPlace();
    const file = join(place.folder, "note.pem");
    writeFileSync(file, "not a certificate\n");
    const { code, stdout, stderr } = await place.administer(
      ...["serve", "--listen", "127.0.0.1:0", "--tls-cert", file, "--tls-key", file],
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^giraffe: .*PEM/);
  });

  test("a database that is no database", async () => {
    const place = createPlace();
    const file = join(place.folder, "giraffe.db");
    writeFileSync(file, "not a database, but a longer text\n".repeat(100));
    expect(await place.administer("serve", "--listen", "127.0.0.1:0")).toEqual({
      code: 1,
      stdout: "",
      stderr: `giraffe: cannot open the database ${file}: file is not a database\n`,
    });
  });

  test("a folder that is a file", async () => {
    const place = createPlace();
    const file = join(place.folder, "file");
    writeFileSync(file, "");
    const { code, stderr } = await runGiraffe(
      ...["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${join(file, "giraffe.db")}`],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^giraffe: cannot open the database .*\n$/);
    expect(stderr).toContain(file);
  });

  // Root may write to every folder.
  test.skipIf(process.getuid?.() === 0)("a folder that it cannot write", async () => {
    const place = createPlace();
    const folder = join(place.folder, "read-only");
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    const { code, stderr } = await runGiraffe(
      ...["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${join(folder, "giraffe.db")}`],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^giraffe: cannot open the database .*permission denied.*\n$/);
  });
});

describe("O3: an unexpected error", () => {
  test.for([
    { event: "uncaughtException", action: 'throw new Error("unforeseen")' },
    { event: "unhandledRejection", action: 'void Promise.reject(new Error("unforeseen"))' },
  ])("ends the server, which logs it ($event)", async ({ event, action }) => {
    const { database } = createPlace();
    const onSignal = `process.on("SIGUSR2", () => { ${action}; });`;
    const server = startProgram(
      process.execPath,
      [
        ...["--import", `data:text/javascript,${encodeURIComponent(onSignal)}`, "src/main.js"],
        ...["serve", "--listen", "127.0.0.1:0", "--database", database],
      ],
      { cwd: root },
    );
    onTestFinished(() => server.kill("SIGKILL"));
    await server.until("stdout", /^ready /m);
    server.kill("SIGUSR2");
    const { code, stderr } = await server.ended;
    expect(code).toBe(70);
    // Not always the last: a line that was on its way before may arrive after it.
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const fatal = lines.filter(({ level }) => level === 60);
    expect(fatal).toMatchObject([{ msg: event, err: { message: "unforeseen" } }]);
  });
});
