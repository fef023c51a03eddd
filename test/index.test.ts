import { describe, expect, onTestFinished, test, vi } from "vitest";
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
