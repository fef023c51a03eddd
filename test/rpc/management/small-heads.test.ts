import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { ImportHumanUserRequestSchema } from "../../../gen/zitadel/management_pb.ts";
import { envelope } from "../../support/api/frames.ts";
import { send } from "../../support/api/http.ts";
import { type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** Names and values, as HTTP/2 counts them (RFC 9113 section 6.5.2). */
function bytesOf(headers: Headers): number {
  return [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

const long = "ж".repeat(300);
/** Breaks a rule in nearly every field. */
const broken = create(ImportHumanUserRequestSchema, {
  userName: long,
  profile: {
    firstName: long,
    lastName: long,
    nickName: long,
    displayName: long,
    preferredLanguage: long,
  },
  email: { email: `a@b ${"ж".repeat(490)}` },
  phone: { phone: long },
  idps: Array.from({ length: 40 }, () => ({ externalUserId: long, displayName: long })),
});

describe("A6: the headers of an error with many violations take less than 8 KiB", () => {
  test.for(["bg", "ja", "ru", "en"])("in %s", async (language) => {
    const { headers, trailers = new Headers() } = await send("h2c", setting.url, {
      method: "POST",
      path: "/zitadel.management.v1.ManagementService/ImportHumanUser",
      headers: {
        "content-type": "application/grpc",
        authorization: `Bearer ${setting.tokens.owner}`,
        "accept-language": language,
      },
      body: envelope(toBinary(ImportHumanUserRequestSchema, broken)),
    });
    expect(trailers.get("grpc-status")).toBe("3");
    expect(bytesOf(headers) + bytesOf(trailers)).toBeLessThan(8_192);
    const status = Buffer.from(trailers.get("grpc-status-details-bin") ?? "", "base64");
    const { details } = fromBinary(StatusSchema, status);
    const [badRequest] = details.flatMap((any) => anyUnpack(any, BadRequestSchema) ?? []);
    const violations = badRequest?.fieldViolations ?? [];
    expect(violations.map(({ field }) => field)).toEqual(
      expect.arrayContaining(["user_name", "profile.first_name", "profile.preferred_language"]),
    );
    expect(violations.length).toBeGreaterThan(16);
    const localized = violations
      .slice(0, 16)
      .map(({ localizedMessage }) => localizedMessage?.locale);
    expect(new Set(localized)).toEqual(new Set([language]));
  });
});
