import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { ErrorDetailSchema } from "../../gen/zitadel/message_pb.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import { convertErrors } from "../../src/rpc/errors.ts";
import { FieldRulesError } from "../../src/rpc/validate/field-violation.ts";
import {
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
} from "../../src/store/event-store.ts";
import { SearchTooBroadError } from "../../src/store/search.ts";

/** What a client gets to see when a handler throws. */
async function seen(thrown: unknown): Promise<ConnectError> {
  const transport = createRouterTransport(
    (router) =>
      router.service(ManagementService, {
        healthz: () => {
          throw thrown;
        },
      }),
    { router: { interceptors: [convertErrors] } },
  );
  return createClient(ManagementService, transport)
    .healthz({})
    .then(
      () => expect.unreachable(),
      (error: ConnectError) => error,
    );
}

const secret = "postgres://admin:hunter2@10.0.0.1";

describe("convertErrors", () => {
  test.for<{ name: string; thrown: unknown; code: Code; message: string; reason: string }>([
    {
      name: "an error of the catalogue with an id",
      thrown: new ServiceError("profileNotChanged"),
      code: Code.FailedPrecondition,
      message: "Errors.User.Profile.NotChanged (COMMAND-2M0fs)",
      reason: "PROFILE_NOT_CHANGED",
    },
    {
      name: "an error of the catalogue without one",
      thrown: new ServiceError("authHeaderMissing", { cause: new Error(secret) }),
      code: Code.Unauthenticated,
      message: "auth header missing",
      reason: "AUTH_HEADER_MISSING",
    },
    {
      name: "a store that is down",
      thrown: new StoreUnavailableError(secret),
      code: Code.Unavailable,
      message: "the store is not available",
      reason: "STORE_UNAVAILABLE",
    },
    {
      name: "a store that has too much to do",
      thrown: new StoreOverloadedError(secret, 2_500),
      code: Code.ResourceExhausted,
      message: "too many changes are waiting",
      reason: "STORE_OVERLOADED",
    },
    {
      name: "a search that would take too long",
      thrown: new SearchTooBroadError(secret),
      code: Code.FailedPrecondition,
      message:
        "the search would look at too many users: narrow it by what they equal or start with",
      reason: "SEARCH_TOO_BROAD",
    },
    {
      name: "a commit that nobody knows of",
      thrown: new OutcomeUnknownError(secret),
      code: Code.Unknown,
      message: "it is not known whether the change was stored",
      reason: "OUTCOME_UNKNOWN",
    },
    {
      name: "what nobody foresaw",
      thrown: new TypeError(secret),
      code: Code.Internal,
      message: "An internal error occurred",
      reason: "INTERNAL",
    },
    {
      name: "what is no error",
      thrown: secret,
      code: Code.Internal,
      message: "An internal error occurred",
      reason: "INTERNAL",
    },
  ])("sends of $name only what clients may see", async ({ thrown, code, message, reason }) => {
    const error = await seen(thrown);
    expect({ code: error.code, message: error.rawMessage }).toEqual({ code, message });
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason, domain: "giraffe" }]);
    expect(
      JSON.stringify([error.details, [...error.metadata]], (_key, value) =>
        typeof value === "bigint" ? String(value) : value,
      ),
    ).not.toContain("hunter2");
  });

  test("puts ZITADEL's detail first", async () => {
    const error = await seen(new ServiceError("profileNotFound", { message: "Profil fehlt" }));
    expect(error.rawMessage).toBe("Profil fehlt (COMMAND-3M9sd)");
    expect(error.details.map((detail) => ("type" in detail ? detail.type : ""))).toEqual([
      "zitadel.v1.ErrorDetail",
      "google.rpc.ErrorInfo",
    ]);
    expect(error.findDetails(ErrorDetailSchema)).toMatchObject([
      { id: "COMMAND-3M9sd", message: "Profil fehlt" },
    ]);
  });

  test("lists every violation of field rules", async () => {
    const violation = {
      field: "first_name",
      description: "too long",
      rule: "STRING_LENGTH",
      text: { key: "Errors.Field.Length.Max", values: { max: "200" } },
      localized: { locale: "de", message: "zu lang" },
    } as const;
    const error = await seen(new FieldRulesError("invalid X: too long", [violation, violation]));
    expect({ code: error.code, message: error.rawMessage }).toEqual({
      code: Code.InvalidArgument,
      message: "invalid X: too long",
    });
    const sent = {
      field: "first_name",
      description: "too long",
      reason: "STRING_LENGTH",
      localizedMessage: { locale: "de", message: "zu lang" },
    };
    expect(error.findDetails(BadRequestSchema)).toMatchObject([{ fieldViolations: [sent, sent] }]);
  });

  test.for([
    { name: "down", thrown: new StoreUnavailableError(""), seconds: 1n, nanos: 0 },
    { name: "overloaded", thrown: new StoreOverloadedError("", 2_500), seconds: 2n, nanos: 5e8 },
  ])("says when to come again if the store is $name", async ({ thrown, seconds, nanos }) => {
    const error = await seen(thrown);
    expect(error.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds, nanos } }]);
    expect(Number(error.metadata.get("retry-after"))).toBeGreaterThanOrEqual(Number(seconds));
    expect(error.metadata.get("grpc-retry-pushback-ms")).toBeTruthy();
  });

  test("lets an error of Connect through as it is", async () => {
    const error = await seen(new ConnectError("as it is", Code.DataLoss, { "x-own": "1" }));
    expect({ code: error.code, message: error.rawMessage }).toEqual({
      code: Code.DataLoss,
      message: "as it is",
    });
    expect(error.metadata.get("x-own")).toBe("1");
  });
});
