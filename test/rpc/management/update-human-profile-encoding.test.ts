import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CallOptions, callers } from "../../support/api/callers.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import { methods, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** Okapi's names, which JSON and protobuf below begin with. */
const names = { firstName: "Olaf", lastName: "Okapi", displayName: "Olaf O." };
/** What is stored if only the names are understood. */
const onlyNames = { ...names, preferredLanguage: "und" };

/** What the decoder says depends on the decoder. */
const malformed = {
  code: 3,
  text: expect.any(String),
  reason: "MESSAGE_MALFORMED",
} satisfies Refusal;

const invalidUtf8 = [
  { name: "a byte that UTF-8 does not have", bytes: [0x61, 0xff, 0x61] },
  { name: "a sequence that breaks off", bytes: [0xf0, 0x9f, 0xa6] },
  { name: "a longer form than needed", bytes: [0xc0, 0x80] },
  { name: "a surrogate in UTF-8", bytes: [0xed, 0xa0, 0x80] },
  { name: "a code point beyond Unicode", bytes: [0xf4, 0x90, 0x80, 0x80] },
];

/** `{"x":{"x":…0}}`. */
function nested(depth: number): string {
  return `${`{"x":`.repeat(depth)}0${"}".repeat(depth)}`;
}

/** JSON text that begins with the user's id and the names. */
const json = (userId: string, more: string) =>
  Buffer.from(
    `{"userId": "${userId}", "firstName": "Olaf", "lastName": "Okapi", "displayName": "Olaf O."${more}`,
  );

describe.for(callers.filter(({ encoding }) => encoding === "json"))(
  "C1 to C8, C12, C14: UpdateHumanProfile, $name,",
  (caller) => {
    const send = (message: Uint8Array, options: CallOptions = { token: setting.tokens.editor }) =>
      caller.call(setting.url, methods.updateHumanProfile, message, options);

    test.for([
      { name: "white space around", more: "\n\t } \r\n", want: onlyNames },
      {
        name: "unknown fields",
        more: `, "givenName": "x", "firstname": "x", "first-name": "x", "x": {"y": [1, null]}}`,
        want: onlyNames,
      },
      {
        name: "fields of the user that this method does not change",
        more: `, "state": 6, "userName": "x", "email": {}, "resourceOwner": "1", "details": 1}`,
        want: onlyNames,
      },
      {
        name: "unknown fields with the names of prototypes",
        more: `, "__proto__": {"nickName": "x"}, "constructor": {"prototype": {"nickName": "x"}}}`,
        want: onlyNames,
      },
      { name: "an unknown field nested deeply", more: `, "x": ${nested(5_000)}}`, want: onlyNames },
      {
        name: "thousands of unknown fields with numbers for names",
        more: `, ${Array.from({ length: 5_000 }, (_, index) => `"${index}": 0`).join()}}`,
        want: onlyNames,
      },
      { name: "an unknown name of a gender", more: `, "gender": "GENDER_OTHER"}`, want: onlyNames },
      { name: "a gender in lower case", more: `, "gender": "gender_male"}`, want: onlyNames },
      { name: "a number as text for a gender", more: `, "gender": "1"}`, want: onlyNames },
      { name: "an unknown number of a gender", more: `, "gender": 99}`, want: onlyNames },
      {
        name: "a number for a gender",
        more: `, "gender": 2}`,
        want: { ...onlyNames, gender: "GENDER_MALE" },
      },
      {
        name: "null, which is the same as nothing",
        more: `, "nickName": null, "preferredLanguage": null, "gender": null}`,
        want: onlyNames,
      },
      {
        name: "names in snake case",
        more: `, "nick_name": "Oki", "preferred_language": "de"}`,
        want: { ...names, nickName: "Oki", preferredLanguage: "de" },
      },
      {
        name: "escapes",
        more: `, "\\u006eickName": "\\ud83e\\udd92\\/\\n\\u00e9"}`,
        want: { ...onlyNames, nickName: "🦒/\n\u00e9" },
      },
    ])("understands $name", async ({ more, want }) => {
      const userId = await setting.addUser();
      const reply = await send(json(userId, more));
      expect(reply).toMatchObject({ code: 0, status: 200 });
      expect(await setting.readProfile(userId)).toEqual({ ...reply.body, profile: want });
    });

    test.for([
      {
        name: "all names in snake case",
        text: `{"user_id": "ID", "first_name": "Olaf", "last_name": "Okapi", "display_name": "Olaf O."}`,
      },
      {
        name: "fields in another order",
        text: `{"displayName": "Olaf O.", "lastName": "Okapi", "firstName": "Olaf", "userId": "ID"}`,
      },
    ])("understands $name", async ({ text }) => {
      const userId = await setting.addUser();
      const reply = await send(Buffer.from(text.replace("ID", userId)));
      expect(reply).toMatchObject({ code: 0, status: 200 });
      expect(await setting.readProfile(userId)).toMatchObject({ profile: onlyNames });
    });

    test.for([
      { name: "no end", more: "" },
      { name: "a comma too many", more: ",}" },
      { name: "a comment", more: "/**/}" },
      { name: "text in single quotes", more: `, "nickName": 'x'}` },
      { name: "a name without quotes", more: `, nickName: "x"}` },
      { name: "NaN", more: `, "nickName": NaN}` },
      { name: "an unknown escape", more: `, "nickName": "\\x41"}` },
      { name: "half an escape", more: `, "nickName": "\\u00"}` },
      { name: "a control character in text", more: `, "nickName": "a\u0001"}` },
      { name: "a number for text", more: `, "nickName": 1}` },
      { name: "true for text", more: `, "nickName": true}` },
      { name: "a list for text", more: `, "nickName": ["x"]}` },
      { name: "an object for text", more: `, "nickName": {"x": 1}}` },
      { name: "a fraction for a gender", more: `, "gender": 1.5}` },
      { name: "a number that no gender can have", more: `, "gender": 2147483648}` },
      { name: "true for a gender", more: `, "gender": true}` },
      { name: "an object for a gender", more: `, "gender": {}}` },
      { name: "a list for a gender", more: `, "gender": [1]}` },
      { name: "a field twice", more: `, "firstName": "Olaf"}` },
      { name: "a field twice, once in an escape", more: `, "f\\u0069rstName": "Olaf"}` },
      { name: "a field in both spellings", more: `, "first_name": "Olaf"}` },
      { name: "a field and null for it", more: `, "first_name": null}` },
      { name: "a lone high surrogate", more: `, "nickName": "\\ud800"}` },
      { name: "a lone low surrogate", more: `, "nickName": "a\\udc00b"}` },
      { name: "surrogates in the wrong order", more: `, "nickName": "\\udd92\\ud83e"}` },
    ])("refuses $name, and A5: says so only to callers who may write", async ({ more }) => {
      const userId = await setting.addUser();
      const before = await setting.readProfile(userId);
      const { headers: _, ...reply } = await send(json(userId, more));
      expect(reply).toEqual(refused(caller, malformed));
      const { headers: __, ...toNobody } = await send(json(userId, more), {});
      expect(toNobody).toEqual(refused(caller, refusals.headerMissing));
      expect(await setting.readProfile(userId)).toEqual(before);
    });

    test.for([
      { name: "a byte order mark", text: `\ufeff{"userId": "1"}` },
      { name: "a list", text: `[{"userId": "1"}]` },
      { name: "text", text: `"\\"userId\\": \\"1\\"" "userId": "1"` },
      { name: "a value that ends before it has begun", text: `}"userId": "1"` },
      { name: "null", text: `null "userId": "1"` },
      { name: "a number", text: `1 "userId": "1"` },
      { name: "true", text: `true "userId": "1"` },
      { name: "XML", text: `<a "userId": "1"/>` },
      { name: "a form", text: `a="userId": "1"&b=2` },
      { name: "lists nested deeply", text: `${"[".repeat(30_000)}"userId": "1"` },
      { name: "objects nested deeply", text: `${`{"a":`.repeat(10_000)}{"userId": "1"` },
    ])("refuses $name where an object begins", async ({ text }) => {
      const { headers: _, ...reply } = await send(Buffer.from(text));
      expect(reply).toEqual(refused(caller, malformed));
    });

    test.for(invalidUtf8)("refuses $name", async ({ bytes }) => {
      const userId = await setting.addUser();
      const before = await setting.readProfile(userId);
      const message = Buffer.concat([
        json(userId, `, "nickName": "`),
        Buffer.from(bytes),
        Buffer.from(`"}`),
      ]);
      const { headers: _, ...reply } = await send(message);
      expect(reply).toEqual(refused(caller, malformed));
      expect(await setting.readProfile(userId)).toEqual(before);
    });
  },
);

describe.for(
  callers.filter(({ protocol, encoding }) => protocol === "Connect" && encoding === "json"),
)("UpdateHumanProfile, $name,", (caller) => {
  test.for([
    { name: "no bytes at all", text: "" },
    { name: "only white space", text: " \n" },
    { name: "a second value", text: `{"userId": "1"} {}` },
    { name: "a word after the value", text: `{"userId": "1"} x` },
  ])("refuses $name", async ({ text }) => {
    const { headers: _, ...reply } = await caller.call(
      setting.url,
      methods.updateHumanProfile,
      Buffer.from(text),
      { token: setting.tokens.editor },
    );
    expect(reply).toEqual(refused(caller, malformed));
  });
});

/** Protobuf bytes that begin with the user's id and the names. */
function protobuf(userId: string, more: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  const begin = { 1: userId, 2: names.firstName, 3: names.lastName, 5: names.displayName };
  for (const [number, text] of Object.entries(begin))
    writer.tag(Number(number), WireType.LengthDelimited).string(text);
  more(writer);
  return writer.finish();
}

describe.for(callers.filter(({ encoding }) => encoding === "protobuf"))(
  "C2, C4, C7, C9, C15: UpdateHumanProfile, $name,",
  (caller) => {
    const send = (message: Uint8Array, options: CallOptions = { token: setting.tokens.editor }) =>
      caller.call(setting.url, methods.updateHumanProfile, message, options);

    test.for([
      {
        name: "unknown fields of every kind",
        more: (writer: BinaryWriter) =>
          writer
            .tag(99, WireType.LengthDelimited)
            .string("x")
            .tag(100, WireType.Varint)
            .uint64(1n)
            .tag(101, WireType.Bit32)
            .fixed32(1)
            .tag(102, WireType.Bit64)
            .fixed64(1n)
            .tag(103, WireType.StartGroup)
            .tag(103, WireType.EndGroup),
        want: onlyNames,
      },
      {
        name: "the last of two values",
        more: (writer: BinaryWriter) =>
          writer
            .tag(4, WireType.LengthDelimited)
            .string("x")
            .tag(4, WireType.LengthDelimited)
            .string("Oki"),
        want: { ...onlyNames, nickName: "Oki" },
      },
      {
        name: "an unknown gender",
        more: (writer: BinaryWriter) => writer.tag(7, WireType.Varint).int32(99),
        want: onlyNames,
      },
      {
        name: "a negative gender",
        more: (writer: BinaryWriter) => writer.tag(7, WireType.Varint).int32(-1),
        want: onlyNames,
      },
      {
        name: "a gender of more than 32 bits",
        more: (writer: BinaryWriter) => writer.tag(7, WireType.Varint).uint64(1n << 32n),
        want: onlyNames,
      },
    ])("understands $name", async ({ more, want }) => {
      const userId = await setting.addUser();
      const reply = await send(protobuf(userId, more));
      expect(reply).toMatchObject({ code: 0, status: 200 });
      expect(await setting.readProfile(userId)).toEqual({ ...reply.body, profile: want });
    });

    test.for([
      {
        name: "text shorter than promised",
        more: (writer: BinaryWriter) =>
          writer.tag(4, WireType.LengthDelimited).uint32(9).raw(Buffer.from("x")),
      },
      {
        name: "text longer than any message",
        more: (writer: BinaryWriter) => writer.tag(4, WireType.LengthDelimited).uint32(0xffffffff),
      },
      {
        name: "a number that does not end",
        more: (writer: BinaryWriter) => writer.tag(7, WireType.Varint).raw(Buffer.alloc(11, 0xff)),
      },
      {
        name: "a tag that does not end",
        more: (writer: BinaryWriter) => writer.raw(Buffer.of(0x80)),
      },
      {
        name: "a field with the number 0",
        more: (writer: BinaryWriter) => writer.raw(Buffer.of(0x00)),
      },
      {
        name: "a number where text should be",
        more: (writer: BinaryWriter) => writer.tag(4, WireType.Varint).uint32(1),
      },
      {
        name: "text where a number should be",
        more: (writer: BinaryWriter) =>
          writer.tag(7, WireType.LengthDelimited).string("GENDER_MALE"),
      },
      { name: "an unknown wire type", more: (writer: BinaryWriter) => writer.raw(Buffer.of(0x27)) },
      {
        name: "the end of a group that did not begin",
        more: (writer: BinaryWriter) => writer.tag(99, WireType.EndGroup),
      },
      {
        name: "a group that does not end",
        more: (writer: BinaryWriter) => writer.tag(99, WireType.StartGroup),
      },
      ...invalidUtf8.map(({ name, bytes }) => ({
        name,
        more: (writer: BinaryWriter) =>
          writer.tag(4, WireType.LengthDelimited).bytes(Uint8Array.from(bytes)),
      })),
    ])("refuses $name, and A5: says so only to callers who may write", async ({ more }) => {
      const userId = await setting.addUser();
      const before = await setting.readProfile(userId);
      const { headers: _, ...reply } = await send(protobuf(userId, more));
      expect(reply).toEqual(refused(caller, malformed));
      const { headers: __, ...toNobody } = await send(protobuf(userId, more), {});
      expect(toNobody).toEqual(refused(caller, refusals.headerMissing));
      expect(await setting.readProfile(userId)).toEqual(before);
    });

    test("reads an empty body as a message without fields", async () => {
      const { code, message } = await send(new Uint8Array());
      expect([code, message]).toEqual([
        3,
        "invalid UpdateHumanProfileRequest.UserId: value length must be between 1 and 200 runes, inclusive",
      ]);
    });
  },
);
