import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callRest } from "../../cli/serving.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { startServer } from "../../support/server.ts";

describe.each([
  { engine: "SQLite", flags: async () => [] },
  { engine: "PostgreSQL", flags: async () => ["--database", await newPostgresDatabase()] },
])("on $engine", ({ flags }) => {
  let server: Awaited<ReturnType<typeof startServer>>;
  beforeAll(async () => {
    server = await startServer(await flags());
  });
  afterAll(() => server.close());

  const call = (method: string, path: string, body?: object) =>
    callRest(method, `${server.url}/management/v1${path}`, server.adminToken, { ...body });
  const add = (userName: string, email = "one@giraffe.example") =>
    call("POST", "/users/human/_import", {
      userName,
      profile: { firstName: "A", lastName: userName },
      email: { email },
    });
  const find = async (field: string, query: object) => {
    const { body } = await call("POST", "/users/_search", { queries: [{ [field]: query }] });
    return ((body.result ?? []) as { userName: string }[]).map(({ userName }) => userName).sort();
  };

  test("C7: uniqueness, look-up and search agree on which user names are equal", async () => {
    const statuses = [];
    for (const name of [
      "İstanbul",
      "istanbul",
      "straße",
      "STRASSE",
      "STRAẞE",
      "\u0085padded\u3000",
    ])
      statuses.push((await add(name)).status);
    expect(statuses).toEqual([200, 409, 200, 200, 409, 200]);
    const method = "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE";
    const rows = [
      { asked: "ISTANBUL", want: "İstanbul" },
      { asked: "STRAẞE", want: "straße" },
      { asked: "strasse", want: "STRASSE" },
      { asked: "Padded", want: "padded" },
    ];
    for (const { asked, want } of rows) {
      const url = `${server.url}/management/v1/global/users/_by_login_name`;
      const { body } = await callRest(
        ...(["GET", `${url}?loginName=${encodeURIComponent(asked)}`, server.adminToken] as const),
      );
      expect(body.user, asked).toMatchObject({ userName: want });
      expect(await find("userNameQuery", { userName: asked, method }), asked).toEqual([want]);
      expect(await find("lastNameQuery", { lastName: asked, method }), asked).toEqual([want]);
    }
  });

  test("C7: an e-mail address is stored without the blanks around it", async () => {
    expect((await add("blank", " \tblank@giraffe.example ")).status).toBe(200);
    const email = { emailAddress: "blank@giraffe.example", method: "TEXT_QUERY_METHOD_EQUALS" };
    expect(await find("emailQuery", email)).toEqual(["blank"]);
  });
});
