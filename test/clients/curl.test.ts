import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../support/child.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type Access, type Client, describeClient, type MethodName } from "./client.contract.ts";

const ways = {
  "HTTP/1.1": "--http1.1",
  "HTTP/2 with prior knowledge": "--http2-prior-knowledge",
  "an offer to upgrade to HTTP/2": "--http2",
};

for (const [name, flag] of Object.entries(ways)) {
  describeClient(`curl, ${name}`, (access) => createCurlClient(access, flag));
}

const verbs: Readonly<Record<MethodName, string>> = {
  UpdateHumanProfile: "PUT",
  GetHumanProfile: "GET",
};

/** A REST call by curl. The HTTP status says whether the body is an error. */
function createCurlClient({ url, token }: Access, flag: string): Client {
  return {
    async call(name, { userId, ...body }, headers = {}) {
      const { stdout } = await runProgram("curl", [
        ...["--silent", "--show-error", flag, "--write-out", "\n%{http_code}"],
        ...["--request", verbs[name], "--header", `Authorization: Bearer ${token}`],
        ...Object.entries(headers).flatMap(([header, value]) => ["-H", `${header}: ${value}`]),
        ...(name === "UpdateHumanProfile" ? ["--data", JSON.stringify(body)] : []),
        `${url}/management/v1/users/${userId}/profile`,
      ]);
      const [text = "", status] = stdout.split("\n");
      const answer: unknown = JSON.parse(text);
      return status === "200"
        ? { kind: "answered", body: answer }
        : { kind: "refused", status: answer };
    },
  };
}

/** The command from ZITADEL's documentation of the call, unchanged. */
const documented = `curl -L -X PUT 'https://$CUSTOM-DOMAIN/management/v1/users/:userId/profile' \\
-H 'Content-Type: application/json' \\
-H 'Accept: application/json' \\
-H 'Authorization: Bearer <TOKEN>' \\
-d '{
"firstName": "Gigi",
"lastName": "Giraffe",
"nickName": "Gigi",
"displayName": "Gigi",
"preferredLanguage": "en",
"gender": "GENDER_UNSPECIFIED"
}'`;

describe("the documented command", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(["--demo"]);
  });
  afterAll(() => server.close());

  test("works with host, token and user filled in", async () => {
    const command = documented
      .replace("https://$CUSTOM-DOMAIN", server.url)
      .replace("<TOKEN>", server.adminToken)
      .replace(":userId", "163840776835432705");
    const { stdout } = await runProgram("sh", ["-c", command]);
    expect(JSON.parse(stdout)).toEqual({
      details: {
        sequence: "2",
        creationDate: expect.stringMatching(/Z$/),
        changeDate: expect.stringMatching(/Z$/),
        resourceOwner: "69629023906488334",
      },
    });
  });
});

describe("a body that is too large", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(["--demo"]);
  });
  afterAll(() => server.close());

  test.for(
    Object.values(ways).flatMap((flag) =>
      [70_000, 1_000_000].flatMap((bytes) =>
        [[], ["-H", "Expect: 100-continue"]].map((more) => ({ flag, bytes, more })),
      ),
    ),
  )("is refused in words: %o", async ({ flag, bytes, more }) => {
    const { stdout } = await runProgram("sh", [
      "-c",
      `head -c ${bytes} /dev/zero | curl -sS "$@"`,
      "sh",
      ...[flag, ...more, "--request", "PUT", "--data-binary", "@-"],
      ...["-H", `Authorization: Bearer ${server.adminToken}`],
      `${server.url}/management/v1/users/163840776835432705/profile`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ code: 8, message: expect.any(String) });
  });
});
