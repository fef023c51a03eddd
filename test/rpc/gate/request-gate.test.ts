import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers } from "../../support/api/callers.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import { type As, methods, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

const bomb = gzipSync(Buffer.alloc(50_000_000));
const secret = "a secret of the body";

/** Bodies that are refused even if the caller may write, with the headers that they need. */
function bodiesOf({ protocol, encoding }: Caller) {
  const name =
    protocol === "gRPC" || protocol === "gRPC-Web" ? "grpc-encoding" : "content-encoding";
  const gzip = { [name]: "gzip" };
  const malformed =
    encoding === "json"
      ? Buffer.from(`{"userId": "42", "${secret}": "1"]`)
      : Buffer.concat([Buffer.from([0x0f]), Buffer.from(secret)]);
  return [
    { name: "malformed", body: malformed, headers: {} },
    { name: "of an unknown compression", body: malformed, headers: { [name]: secret } },
    { name: "not compressed, though it says so", body: malformed, headers: gzip },
    { name: "a gzip bomb", body: Buffer.concat([bomb, malformed]), headers: gzip },
  ];
}

const whos: readonly (As & { readonly name: string; readonly want: Refusal })[] = [
  { name: "without a token", who: "nobody", want: refusals.headerMissing },
  { name: "with a token that nobody gave", who: "garbage", want: refusals.tokenInvalid },
  { name: "with a revoked token", who: "revoked", want: refusals.tokenInvalid },
  { name: "in no organization", where: "unknown", want: refusals.organizationNotFound },
  {
    name: "without a membership",
    who: "outsider",
    where: "own",
    want: refusals.membershipNotFound,
  },
  { name: "without the permission", who: "viewer", want: refusals.permissionMissing },
];

describe.for(callers)("A5: UpdateHumanProfile, $name,", (caller) => {
  test.for(bodiesOf(caller))("whose body is $name, tells only who may write", async (sent) => {
    const call = (as: As) =>
      setting.callOver(caller, methods.updateHumanProfile, sent.body, {
        ...as,
        headers: sent.headers,
      });
    for (const { name: _, want, ...as } of whos) {
      const reply = await call(as);
      expect(reply).toEqual(refused(caller, want));
      expect(JSON.stringify(reply)).not.toContain(secret);
    }
    expect([3, 8, 12, 13]).toContain((await call({ who: "editor" })).code);
  });
});

const isJson = ({ protocol, encoding }: Caller) =>
  encoding === "json" && (protocol === "REST" || protocol === "Connect");

describe.for(callers.filter(isJson))("A5: ListUsers, $name,", (caller) => {
  const queries = `{"queries":[${Array.from({ length: 21_827 }, () => "{}").join(",")}]}`;
  const body = gzipSync(queries);

  test.for(whos.filter(({ who }) => who !== "viewer"))(
    "with 21,827 empty queries in 119 bytes is refused $name",
    async ({ name: _, want, ...as }) => {
      const headers = { "content-encoding": "gzip" };
      const reply = await setting.callOver(caller, methods.listUsers, body, { ...as, headers });
      expect(reply).toEqual(refused(caller, want));
    },
  );
});
