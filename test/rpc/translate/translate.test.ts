import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../../src/domain/errors.ts";
import { createTranslate, textsKey } from "../../../src/rpc/translate/translate.ts";
import { FieldRulesError, type FieldViolation } from "../../../src/rpc/validate/field-violation.ts";

const notChanged = () => new ServiceError("profileNotChanged", { cause: "the cause" });

const tooLong: FieldViolation = {
  field: "first_name",
  description: "value length must be between 1 and 200 runes, inclusive",
  rule: "STRING_LENGTH",
  text: { key: "Errors.Field.Length.Between", values: { min: "1", max: "200" } },
};

type Call = {
  readonly headers?: Record<string, string>;
  readonly caller?: string | undefined;
  readonly defaultLanguage?: string;
};

/** The error that createTranslate throws for an error of its handler. */
async function thrownThrough({ headers = {}, caller, defaultLanguage = "en" }: Call, error: Error) {
  let seen: unknown;
  const transport = createRouterTransport(
    ({ service }) => {
      service(ManagementService, {
        healthz: () => {
          throw error;
        },
      });
    },
    {
      router: {
        interceptors: [
          (next) => async (request) => {
            try {
              return await next(request);
            } catch (thrown) {
              seen = thrown;
              throw new ConnectError("seen", Code.Aborted);
            }
          },
          createTranslate({ defaultLanguage, callerLanguage: () => caller }),
        ],
      },
    },
  );
  await expect(createClient(ManagementService, transport).healthz({}, { headers })).rejects.toThrow(
    "[aborted] seen",
  );
  return seen;
}

/** The text that a handler behind createTranslate gets for a key. */
async function translatedInHandler(call: Call, key: string): Promise<string | undefined> {
  let text: string | undefined;
  const transport = createRouterTransport(
    ({ service }) => {
      service(ManagementService, {
        healthz: (_request, { values }) => {
          text = values.get(textsKey).translate(key);
          return {};
        },
      });
    },
    {
      router: {
        interceptors: [
          createTranslate({ defaultLanguage: "en", callerLanguage: () => call.caller }),
        ],
      },
    },
  );
  await createClient(ManagementService, transport).healthz({}, { headers: call.headers ?? {} });
  return text;
}

describe("createTranslate", () => {
  const english = "Profile not changed";
  const german = "Profil nicht verändert";

  test.for<{ name: string; call: Call; want: string }>([
    { name: "the default without a wish", call: {}, want: english },
    { name: "another default without a wish", call: { defaultLanguage: "de" }, want: german },
    { name: "the header's language", call: { headers: { "accept-language": "de" } }, want: german },
    {
      name: "a language for its region",
      call: { headers: { "accept-language": "fr;q=0.9, de-CH" } },
      want: german,
    },
    {
      name: "the header as the gateway passes it on",
      call: { headers: { "grpcgateway-accept-language": "de" } },
      want: german,
    },
    {
      name: "the direct header before the gateway's",
      call: { headers: { "accept-language": "en", "grpcgateway-accept-language": "de" } },
      want: english,
    },
    {
      name: "the caller's own language before the header's",
      call: { caller: "de", headers: { "accept-language": "en" } },
      want: german,
    },
    {
      name: "the header if the caller's language is undetermined",
      call: { caller: "und", headers: { "accept-language": "de" } },
      want: german,
    },
    {
      name: "the header if nobody translated to the caller's language",
      call: { caller: "nb", headers: { "accept-language": "de" } },
      want: german,
    },
    {
      name: "the default for a header without sense",
      call: { headers: { "accept-language": ";;;,,q=*" } },
      want: english,
    },
  ])("chooses $name", async ({ call, want }) => {
    expect(await thrownThrough(call, notChanged())).toMatchObject({
      name: "ServiceError",
      key: "profileNotChanged",
      message: want,
      cause: "the cause",
    });
  });

  test.for<{ name: string; call: Call; locale: string; message: string }>([
    {
      name: "English without a wish",
      call: {},
      locale: "en",
      message: "Must be between 1 and 200 characters long",
    },
    {
      name: "the caller's language",
      call: { caller: "ja-JP", headers: { "accept-language": "de" } },
      locale: "ja",
      message: "1文字以上200文字以内で入力してください",
    },
    {
      name: "the language of the region",
      call: { headers: { "accept-language": "pt-PT" } },
      locale: "pt",
      message: "Deve ter entre 1 e 200 caracteres",
    },
  ])("says in $name what is wrong with a field", async ({ call, locale, message }) => {
    const thrown = await thrownThrough(call, new FieldRulesError("invalid X", [tooLong]));
    expect(thrown).toBeInstanceOf(FieldRulesError);
    expect(thrown).toMatchObject({
      message: "invalid X",
      violations: [{ ...tooLong, localized: { locale, message } }],
    });
  });

  test("gives the first 16 violations a text for people", async () => {
    const many = new FieldRulesError("invalid X", Array<FieldViolation>(32).fill(tooLong));
    const { violations } = (await thrownThrough({}, many)) as FieldRulesError;
    expect(violations.filter(({ localized }) => localized !== undefined)).toHaveLength(16);
    expect(violations).toHaveLength(32);
  });

  const inGerman = { headers: { "accept-language": "de" } };
  test.for<{ name: string; error: Error }>([
    { name: "an error whose message is no key", error: new ServiceError("fieldNotSupported") },
    {
      name: "a message that only looks like a property",
      error: new ServiceError("fieldInvalid", { message: "constructor" }),
    },
    {
      name: "an error that is no ServiceError",
      error: new Error("Errors.User.Profile.NotChanged"),
    },
  ])("passes $name unchanged", async ({ error }) => {
    expect(await thrownThrough(inGerman, error)).toBe(error);
  });

  test.for<{ name: string; key: string; want: string }>([
    {
      name: "the text of a known key",
      key: "EventTypes.user.human.profile.changed",
      want: "Benutzerprofil geändert",
    },
    { name: "an unknown key itself", key: "EventTypes.no.such", want: "EventTypes.no.such" },
  ])("gives the handler $name", async ({ key, want }) => {
    expect(await translatedInHandler(inGerman, key)).toBe(want);
  });
});
