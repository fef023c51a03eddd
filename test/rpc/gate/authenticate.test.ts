import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type HandlerContext,
} from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { Authenticator, Caller } from "../../../src/access/caller.ts";
import { createFailedAttempts } from "../../../src/access/failed-attempts.ts";
import { ServiceError } from "../../../src/domain/errors.ts";
import { callerKey, createAuthenticate } from "../../../src/rpc/gate/authenticate.ts";
import type { Gate } from "../../../src/rpc/gate/gate.ts";

/** Stands for createGate: the key of a ServiceError is the message. */
const keysAsMessages =
  (gate: Gate<ServiceError>) =>
  async (context: HandlerContext): Promise<void> => {
    try {
      const refusal = await gate(context);
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      const key = error instanceof ServiceError ? error.key : String(error);
      throw new ConnectError(key, Code.Unknown);
    }
  };

const callerOf = (subject: string): Caller => ({
  subject,
  organization: "org-1",
  language: undefined,
});

/** Knows tokens that start with its name, and accepts the one that ends in "good". */
const authenticatorOf =
  (name: string): Authenticator =>
  async ({ text }) => {
    if (!text.startsWith(name)) return undefined;
    if (!text.endsWith("good")) throw new ServiceError("tokenInvalid");
    return callerOf(text);
  };

/** Calls GetUserByID and Healthz; each returns the caller's subject, or the error's key. */
function setUp() {
  const time = { micros: 1_000_000 };
  const seen: string[] = [];
  const authenticate = createAuthenticate({
    authenticators: [
      async ({ text }) => {
        seen.push(text);
        return undefined;
      },
      authenticatorOf("one"),
      authenticatorOf("two"),
    ],
    isPublic: (method) => method.name === "Healthz",
    failures: createFailedAttempts({ now: () => time.micros, groupOf: (address) => address }),
    peer: () => "10.0.0.1",
  });
  const callers: (Caller | undefined)[] = [];
  const transport = createRouterTransport(
    ({ service }) => {
      service(ManagementService, {
        healthz: (_, { values }) => {
          callers.push(values.get(callerKey));
          return {};
        },
        getUserByID: (_, { values }) => {
          callers.push(values.get(callerKey));
          return {};
        },
      });
    },
    { router: { requestGate: keysAsMessages(authenticate) } },
  );
  const client = createClient(ManagementService, transport);
  const outcomeOf = (call: Promise<unknown>) =>
    call.then(
      () => callers.at(-1)?.subject ?? "nobody",
      (error: ConnectError) => error.rawMessage,
    );
  const headersOf = (authorization: string | undefined) => ({
    headers: authorization === undefined ? {} : { authorization },
  });
  return {
    seen,
    time,
    getUser: (authorization?: string) =>
      outcomeOf(client.getUserByID({ id: "u" }, headersOf(authorization))),
    healthz: (authorization?: string) => outcomeOf(client.healthz({}, headersOf(authorization))),
  };
}

describe("createAuthenticate", () => {
  test.for([
    { authorization: "Bearer one-good", want: "one-good" },
    { authorization: "Bearer two-good", want: "two-good" },
  ])("gives the handler the caller of $authorization", async ({ authorization, want }) => {
    expect(await setUp().getUser(authorization)).toBe(want);
  });

  test.for([
    { name: "no header", authorization: undefined, want: "authHeaderMissing" },
    { name: "an empty header", authorization: "", want: "authHeaderMissing" },
    { name: "a blank header", authorization: "  ", want: "authHeaderMissing" },
    { name: "the scheme alone", authorization: "Bearer", want: "authHeaderInvalid" },
    { name: "the scheme and a space", authorization: "Bearer ", want: "authHeaderInvalid" },
    { name: "another case", authorization: "bearer one-good", want: "authHeaderInvalid" },
    { name: "upper case", authorization: "BEARER one-good", want: "authHeaderInvalid" },
    { name: "another scheme", authorization: "Basic one-good", want: "authHeaderInvalid" },
    { name: "a bare token", authorization: "one-good", want: "authHeaderInvalid" },
    { name: "two spaces", authorization: "Bearer  one-good", want: "authHeaderInvalid" },
    { name: "a tab", authorization: "Bearer\tone-good", want: "authHeaderInvalid" },
    { name: "text before", authorization: "x Bearer one-good", want: "authHeaderInvalid" },
    { name: "text after", authorization: "Bearer one-good x", want: "authHeaderInvalid" },
    {
      name: "two joined headers",
      authorization: "Bearer one-good, Bearer one-good",
      want: "authHeaderInvalid",
    },
    {
      name: "two joined headers, one empty",
      authorization: "Bearer one-good, ",
      want: "tokenInvalid",
    },
    { name: "a token nobody knows", authorization: "Bearer three-good", want: "tokenInvalid" },
    { name: "a refused token", authorization: "Bearer one-bad", want: "tokenInvalid" },
  ])("refuses $name", async ({ authorization, want }) => {
    expect(await setUp().getUser(authorization)).toBe(want);
  });

  test("asks no authenticator about a header that is not a bearer token", async () => {
    const { getUser, seen } = setUp();
    await getUser("Basic one-good");
    expect(seen).toEqual([]);
  });

  test("refuses a token of more than 8,192 characters without asking anyone", async () => {
    const { getUser, seen } = setUp();
    const longest = `one-${"x".repeat(8_184)}good`;
    expect(await getUser(`Bearer ${longest}`)).toBe(longest);
    expect(await getUser(`Bearer ${longest}good`)).toBe("tokenInvalid");
    expect(seen).toEqual([longest]);
  });

  test.for([undefined, "Basic x", "Bearer one-bad", "Bearer one-good"])(
    "lets anyone call a public method, with %j for a header",
    async (authorization) => {
      const { healthz, seen } = setUp();
      expect(await healthz(authorization)).toBe("nobody");
      expect(seen).toEqual([]);
    },
  );

  test("limits guesses from one address and still accepts its valid tokens", async () => {
    const { getUser, healthz } = setUp();
    await getUser("Bearer one-good");
    const guesses: string[] = [];
    for (let call = 0; call < 1_000; call += 1) {
      guesses.push(await getUser(`Bearer one-${call}`));
    }
    expect(guesses.filter((outcome) => outcome === "tokenInvalid")).toHaveLength(100);
    expect(guesses.slice(100).every((key) => key === "tooManyFailedAuthentications")).toBe(true);
    expect(await getUser("Bearer one-good")).toBe("one-good");
    expect(await getUser("Bearer two-good")).toBe("two-good");
    expect(await getUser()).toBe("authHeaderMissing");
    expect(await healthz()).toBe("nobody");
  });
});
