import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createGiraffe, type GiraffeOptions, type GiraffeUser } from "../src/index.ts";
import { callRest } from "./cli/serving.ts";

const gigi: GiraffeUser = {
  userId: "42",
  userName: "gigi@giraffe.example",
  profile: { firstName: "Gigi", lastName: "Giraffe" },
  email: { email: "gigi@giraffe.example" },
};

/** Stopped when the test is over. */
async function start(options?: GiraffeOptions) {
  const giraffe = await createGiraffe(options);
  onTestFinished(() => giraffe.close());
  const users = `${giraffe.url}/management/v1/users`;
  return {
    ...giraffe,
    get: (userId: string, token = giraffe.token) => callRest("GET", `${users}/${userId}`, token),
    rename: (userId: string, displayName: string) =>
      callRest("PUT", `${users}/${userId}/profile`, giraffe.token, {
        ...{ firstName: "Gigi", lastName: "Giraffe", displayName },
      }),
  };
}

describe("createGiraffe", () => {
  test("is ready, and its token may change everybody", async () => {
    const { url, userIds, organization, get, rename } = await start({ users: [gigi] });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(userIds).toEqual(["42"]);
    expect(await rename("42", "Gigi G.")).toMatchObject({
      status: 200,
      body: { details: { sequence: "2", resourceOwner: organization } },
    });
    expect(await get("42")).toMatchObject({
      body: { user: { human: { profile: { displayName: "Gigi G." } } } },
    });
  });

  test("C13: tells users apart whose ids are one number to JavaScript", async () => {
    const [userId, next] = ["9007199254740992", "9007199254740993"];
    const { get } = await start({
      users: [
        { ...gigi, userId },
        { ...gigi, userId: next, userName: "zoe@giraffe.example" },
      ],
    });
    expect(await get(userId)).toMatchObject({ body: { user: { id: userId } } });
    expect(await get(next)).toMatchObject({
      body: { user: { id: next, userName: "zoe@giraffe.example" } },
    });
  });

  test("begins with everything that a user may have", async () => {
    const { get } = await start({
      users: [
        {
          ...gigi,
          state: "USER_STATE_LOCKED",
          profile: {
            firstName: "Gigi",
            lastName: "Giraffe",
            nickName: "Gi",
            displayName: "Gigi G.",
            preferredLanguage: "de-CH",
            gender: "GENDER_FEMALE",
          },
          email: { email: "gigi@zoo.example", isEmailVerified: true },
          phone: { phone: "+41791234567", isPhoneVerified: true },
          metadata: [
            { key: "color", value: "cmVk" },
            { key: "size", value: "NA==" },
          ],
        },
      ],
    });
    expect(await get("42")).toMatchObject({
      body: {
        user: {
          id: "42",
          state: "USER_STATE_LOCKED",
          userName: "gigi@giraffe.example",
          human: {
            profile: {
              firstName: "Gigi",
              lastName: "Giraffe",
              nickName: "Gi",
              displayName: "Gigi G.",
              preferredLanguage: "de-CH",
              gender: "GENDER_FEMALE",
            },
            email: { email: "gigi@zoo.example", isEmailVerified: true },
            phone: { phone: "+41791234567", isPhoneVerified: true },
          },
        },
      },
    });
  });

  test("has the organizations that it is given", async () => {
    const { url, token, get } = await start({
      organizations: ["zoo"],
      users: [{ ...gigi, organization: "zoo" }],
    });
    const answer = await fetch(`${url}/management/v1/users/42`, {
      headers: { authorization: `Bearer ${token}`, "x-zitadel-orgid": "zoo" },
    });
    expect(await answer.json()).toMatchObject({ user: { details: { resourceOwner: "zoo" } } });
    expect(await get("42")).toMatchObject({ status: 404 });
  });

  test("finds the users that it is given", async () => {
    const { url, token } = await start({ users: [gigi] });
    const query = {
      firstNameQuery: { firstName: "gi", method: "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE" },
    };
    const found = await callRest("POST", `${url}/management/v1/users/_search`, token, {
      queries: [query],
    });
    expect(found).toMatchObject({ body: { result: [{ id: "42" }] } });
  });

  test("makes ids for users that have none", async () => {
    const { userId: _, ...somebody } = gigi;
    const { userIds, get } = await start({ users: [somebody, { ...gigi, userName: "other" }] });
    expect(userIds).toEqual([expect.stringMatching(/^\d{18}$/), "42"]);
    expect(await get(String(userIds[0]))).toMatchObject({ status: 200 });
  });

  test("runs beside others, none of which knows of another", async () => {
    const [one, other] = await Promise.all([start({ users: [gigi] }), start({ users: [gigi] })]);
    expect(await one.rename("42", "One")).toMatchObject({ status: 200 });
    expect(await other.get("42")).toMatchObject({
      body: { user: { details: { sequence: "1" } } },
    });
    expect(await other.get("42", one.token)).toMatchObject({ status: 401 });
    await one.close();
    expect(await other.rename("42", "Other")).toMatchObject({ status: 200 });
  });

  test("leaves signals, output and the environment alone", async () => {
    const events = ["SIGTERM", "SIGINT", "SIGHUP", "uncaughtException", "unhandledRejection"];
    const listeners = () => events.map((event) => process.listenerCount(event));
    const before = listeners();
    const said = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, "write"));
    vi.stubEnv("GIRAFFE_LISTEN", "nowhere");
    onTestFinished(() => void vi.unstubAllEnvs().restoreAllMocks());
    const { rename } = await start({ users: [gigi] });
    await rename("42", "Gigi G.");
    expect(listeners()).toEqual(before);
    for (const write of said) expect(write).not.toHaveBeenCalled();
  });

  test("may be closed again", async () => {
    await using giraffe = await createGiraffe();
    await giraffe.close();
    await expect(fetch(giraffe.url)).rejects.toThrow();
    await giraffe.close();
  });

  test.for<{ name: string; options: object; want: string }>([
    {
      name: "a broken field rule",
      options: { users: [{ ...gigi, userName: "" }] },
      want: "users[0]: invalid ImportHumanUserRequest.UserName: value length must be between 1 and 200 runes, inclusive",
    },
    {
      name: "a field that is not known",
      options: { users: [{ ...gigi, nickname: "Gi" }] },
      want: 'users[0]: cannot decode message zitadel.management.v1.ImportHumanUserRequest from JSON: key "nickname" is unknown',
    },
    {
      name: "an organization that is not there",
      options: { users: [gigi, { ...gigi, userId: "43", organization: "zoo" }] },
      want: 'users[1]: there is no organization "zoo"',
    },
    {
      name: "an id that is taken",
      options: { users: [gigi, { ...gigi, userName: "other" }] },
      want: "users[1]: its userId or userName is taken",
    },
    {
      name: "an id that is taken in another organization",
      options: {
        organizations: ["zoo"],
        users: [gigi, { ...gigi, userName: "other", organization: "zoo" }],
      },
      want: "users[1]: its userId or userName is taken",
    },
    {
      name: "a user name that is taken",
      options: { users: [gigi, { ...gigi, userId: "43", userName: "GIGI@giraffe.example" }] },
      want: "users[1]: its userId or userName is taken",
    },
    {
      name: "an organization that is named twice",
      options: { organizations: ["zoo", "zoo"] },
      want: 'organizations: the id "zoo" is listed twice',
    },
  ])("refuses $name", async ({ options, want }) => {
    await expect(createGiraffe(options)).rejects.toThrow(want);
  });
});

describe("reset", () => {
  test("puts everything back, as often as it is asked for", async () => {
    const users = [gigi, { ...gigi, userId: "43", userName: "zoe@giraffe.example" }];
    const { url, token, reset, get, rename } = await start({ users, organizations: ["zoo"] });
    const before = await get("42");
    const usersUrl = `${url}/management/v1/users`;
    const found = async () => {
      const { body } = await callRest("POST", `${usersUrl}/_search`, token, {});
      const names = (body.result as { userName: string }[]).map(({ userName }) => userName);
      return names.filter((name) => name !== "admin").sort();
    };
    for (const round of [1, 2, 3]) {
      expect(await rename("42", `Gigi ${round}`)).toMatchObject({
        body: { details: { sequence: "2" } },
      });
      await callRest("POST", `${usersUrl}/42/metadata/color`, token, { value: "cmVk" });
      await callRest("DELETE", `${usersUrl}/43`, token);
      // A key of a search that there was not before: it may stay, and must not be in the way.
      const headers = { authorization: `Bearer ${token}`, "x-zitadel-orgid": "zoo" };
      const body = JSON.stringify({ ...gigi, userId: undefined, userName: "new@giraffe.example" });
      const added = await fetch(`${usersUrl}/human/_import`, { method: "POST", headers, body });
      expect(added.status).toBe(200);
      const { userId } = (await added.json()) as { userId: string };
      expect(await found()).toEqual(["gigi@giraffe.example"]);

      await reset();
      expect(await get("42")).toEqual(before);
      expect(await found()).toEqual(["gigi@giraffe.example", "zoe@giraffe.example"]);
      expect((await callRest("GET", `${usersUrl}/42/metadata/color`, token)).status).toBe(404);
      const gone = await fetch(`${usersUrl}/${userId}`, { headers });
      expect(gone.status).toBe(404);
      await gone.arrayBuffer();
    }
  });

  test("forgets the key of a repeat, so that the call is done again", async () => {
    const { url, token, reset } = await start({ users: [gigi] });
    const lock = async () => {
      const answer = await fetch(`${url}/management/v1/users/42/_lock`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "idempotency-key": "one" },
        body: "{}",
      });
      await answer.arrayBuffer();
      return [answer.status, answer.headers.get("idempotent-replayed")];
    };
    expect(await lock()).toEqual([200, null]);
    expect(await lock()).toEqual([200, "true"]);
    await reset();
    expect(await lock()).toEqual([200, null]);
  });

  test("is survived by calls that run meanwhile, and by those that follow", async () => {
    const { reset, get, rename } = await start({ users: [gigi] });
    for (const round of Array(20).keys()) {
      const changes = Array.from({ length: 10 }, (_, each) => rename("42", `${round}-${each}`));
      await reset();
      await Promise.all(changes);
      await reset();
      expect(await rename("42", "after")).toMatchObject({ body: { details: { sequence: "2" } } });
      await reset();
      expect(await get("42")).toMatchObject({ body: { user: { details: { sequence: "1" } } } });
    }
  });
});

describe("now", () => {
  test("is a moment that stands still", async () => {
    const now = new Date("2026-01-31T12:00:00Z");
    const { rename } = await start({ users: [gigi], now });
    const { body } = await rename("42", "Gigi G.");
    expect(body.details).toMatchObject({
      creationDate: "2026-01-31T12:00:00Z",
      changeDate: expect.stringMatching(/^2026-01-31T12:00:00(?:\.\d+)?Z$/),
    });
  });

  test("is a function, which a test moves", async () => {
    let now = new Date("2026-01-31T12:00:00Z");
    const { rename } = await start({ users: [gigi], now: () => now });
    now = new Date("2027-02-28T13:00:00Z");
    const { body } = await rename("42", "Gigi G.");
    expect(body.details).toMatchObject({
      creationDate: "2026-01-31T12:00:00Z",
      changeDate: "2027-02-28T13:00:00Z",
    });
  });

  test("must be a date", async () => {
    await expect(createGiraffe({ now: new Date("soon") })).rejects.toThrow(
      "now: it is not a valid date",
    );
  });
});

describe("seed", () => {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-seed-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (...lines: string[]) => {
    const file = join(folder, `${lines.length}.ndjson`);
    writeFileSync(file, lines.join("\n"));
    return file;
  };

  test("is a file of users, whose organizations are made", async () => {
    const other = { ...gigi, userId: "43", userName: "zoe", organization: "zoo" };
    const seed = write(JSON.stringify(gigi), JSON.stringify(other), "");
    const { url, token, userIds } = await start({
      seed,
      users: [{ ...gigi, userId: "1", userName: "first" }],
    });
    expect(userIds).toEqual(["1", "42", "43"]);
    const headers = { authorization: `Bearer ${token}`, "x-zitadel-orgid": "zoo" };
    const answer = await fetch(`${url}/management/v1/users/43`, { headers });
    expect(await answer.json()).toMatchObject({ user: { userName: "zoe" } });
  });

  test.for([
    { lines: ["{}", "nonsense"], want: /line 2: it is not a JSON object$/ },
    { lines: ["[]"], want: /line 1: it is not a JSON object$/ },
    {
      lines: [JSON.stringify(gigi), JSON.stringify(gigi), " "],
      want: "users[1]: its userId or userName is taken",
    },
  ])("is refused if a line is wrong: $lines", async ({ lines, want }) => {
    await expect(createGiraffe({ seed: write(...lines) })).rejects.toThrow(want);
  });
});

test("nothing holds a server that is closed", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const ended = async () => {
    const now = () => new Date();
    const giraffe = await createGiraffe({ now });
    await giraffe.close();
    return new WeakRef(now);
  };
  const clock = await ended();
  const isHeld = () => {
    collect();
    return clock.deref() !== undefined;
  };
  await expect.poll(isHeld).toBe(false);
});
