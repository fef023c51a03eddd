import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gigi, type Setting, startSetting } from "../support/api/setting.ts";

/** What came back: the response, or `google.rpc.Status`, either as proto JSON. */
export type Reply =
  | { readonly kind: "answered"; readonly body: unknown }
  | { readonly kind: "refused"; readonly status: unknown };

/** A client that people use, wrapped so that it takes and returns proto JSON. */
export type Client<Name extends string = MethodName> = {
  /** @param headers Further headers, beside those that the client sends by itself. */
  call(method: Name, request: JsonObject, headers?: Headers): Promise<Reply>;
  /** Closes the connections. */
  close?(): void;
};

/** Of v1. */
export type MethodName = "UpdateHumanProfile" | "GetHumanProfile";

/** Names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** Where the server is, and the token to call it with. */
export type Access = { readonly url: string; readonly token: string };

/** A date in proto JSON. */
export const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/);

export const errorInfo = (reason: string) => ({
  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
  reason,
  domain: "giraffe",
});

/** A refusal from the catalogue, with ZITADEL's detail in front. */
export const refused = (code: number, id: string, text: string, reason: string): Reply => ({
  kind: "refused",
  status: {
    code,
    message: `${text} (${id})`,
    details: [
      { "@type": "type.googleapis.com/zitadel.v1.ErrorDetail", id, message: text },
      errorInfo(reason),
    ],
  },
});

/**
 * The tests that every client must pass. Call it once for each client and protocol.
 *
 * @param flags Flags of `serve` that the client needs. Default: none.
 */
export function describeClient(
  name: string,
  open: (access: Access) => Client,
  flags: readonly string[] = [],
): void {
  describe(name, () => {
    let setting: Setting;
    const clients: Client[] = [];
    const clientOf = (token: string) => {
      const client = open({ url: setting.url, token });
      clients.push(client);
      return client;
    };
    beforeAll(async () => {
      setting = await startSetting(flags);
    });
    afterAll(async () => {
      for (const client of clients) client.close?.();
      await setting.close();
    });

    test("changes a profile, in any script, and reads it at once", async () => {
      const client = clientOf(setting.tokens.editor);
      const userId = await setting.addUser();
      const profile = {
        firstName: "Zoë",
        lastName: "長頸鹿",
        nickName: "🦒 & 100%",
        displayName: 'Zoë "the tall" Жираф',
        preferredLanguage: "de-CH",
        gender: "GENDER_DIVERSE",
      };
      const details = {
        sequence: "2",
        creationDate: isoTime,
        changeDate: isoTime,
        resourceOwner: setting.organizations.own,
      };
      expect(await client.call("UpdateHumanProfile", { userId, ...profile })).toEqual({
        kind: "answered",
        body: { details },
      });
      expect(await client.call("GetHumanProfile", { userId })).toEqual({
        kind: "answered",
        body: { details, profile },
      });
    });

    test("learns why a change is refused, in its own language", async () => {
      const client = clientOf(setting.tokens.editor);
      const request = { userId: await setting.addUser(gigi), ...gigi };
      expect(await client.call("UpdateHumanProfile", request)).toEqual(
        refused(9, "COMMAND-2M0fs", "Profile not changed", "PROFILE_NOT_CHANGED"),
      );
      expect(await client.call("UpdateHumanProfile", request, { "accept-language": "de" })).toEqual(
        refused(9, "COMMAND-2M0fs", "Profil nicht verändert", "PROFILE_NOT_CHANGED"),
      );
    });

    test("learns of every field that breaks a rule, in its own language", async () => {
      const client = clientOf(setting.tokens.editor);
      const request = { userId: "1", ...gigi, firstName: "", preferredLanguage: "12345678901" };
      const violation = (field: string, description: string, message: string) => ({
        field,
        description,
        reason: "STRING_LENGTH",
        localizedMessage: { locale: "fr", message },
      });
      const rule = "value length must be between 1 and 200 runes, inclusive";
      const french = { "accept-language": "fr" };
      expect(await client.call("UpdateHumanProfile", request, french)).toEqual({
        kind: "refused",
        status: {
          code: 3,
          message: `invalid UpdateHumanProfileRequest.FirstName: ${rule}`,
          details: [
            {
              "@type": "type.googleapis.com/google.rpc.BadRequest",
              fieldViolations: [
                violation("first_name", rule, "Doit comporter entre 1 et 200 caractères"),
                violation(
                  "preferred_language",
                  "value length must be at most 10 runes",
                  "Doit comporter au plus 10 caractères",
                ),
              ],
            },
            errorInfo("FIELD_INVALID"),
          ],
        },
      });
    });

    test("acts in the organization that x-zitadel-orgid names", async () => {
      const client = clientOf(setting.tokens.owner);
      const { other, unknown } = setting.organizations;
      const userId = await setting.addUser(gigi, { "x-zitadel-orgid": other });
      const request = { userId, ...gigi, nickName: "" };
      expect(await client.call("UpdateHumanProfile", request)).toEqual(
        refused(9, "COMMAND-3M9sd", "Profile not found", "PROFILE_NOT_FOUND"),
      );
      expect(
        await client.call("UpdateHumanProfile", request, { "x-zitadel-orgid": unknown }),
      ).toEqual(refused(7, "AUTH-Bs7Ds", "Organisation doesn't exist", "ORGANIZATION_NOT_FOUND"));
      expect(
        await client.call("UpdateHumanProfile", request, { "x-zitadel-orgid": other }),
      ).toMatchObject({
        kind: "answered",
        body: { details: { sequence: "2", resourceOwner: other } },
      });
    });

    test("is refused with a token that nobody has", async () => {
      const client = clientOf(setting.tokens.garbage);
      expect(await client.call("GetHumanProfile", { userId: "1" })).toEqual(
        refused(16, "AUTH-7fs1e", "Errors.Token.Invalid", "TOKEN_INVALID"),
      );
    });
  });
}
