import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createUserLines } from "../../../src/bulk/line/user-line.ts";
import { advance, type HumanCommand } from "../../../src/domain/human.ts";
import { type HumanState, initialState } from "../../../src/domain/human-state.ts";
import { profileFrom } from "../../../src/domain/profile.ts";

const lines = createUserLines();

/** Such as the field rules let through: a few code points, white space among them. */
const text = (minLength: number, maxLength = 200) =>
  fc
    .oneof(
      fc.string({ unit: "binary", minLength, maxLength: 8 }),
      fc.string({
        unit: fc.constantFrom(" ", "\t", "Gi", "🦒", "\u00a0"),
        minLength,
        maxLength: 8,
      }),
      fc.string({ minLength: maxLength, maxLength }),
    )
    .map((each) => each.replaceAll("\0", "0"))
    .filter((each) => each.isWellFormed() && [...each].length <= maxLength);
const named = (minLength: number) => text(minLength).filter((each) => each.trim() !== "");
const language = fc.oneof(
  fc.constantFrom("", "de", "EN_us", "iw-foobar", "i-default", "sh-ekavsk", "en-gb-oed", "xx"),
  fc.string({ unit: fc.constantFrom(..."abcdehimnoswx-_19"), maxLength: 10 }),
);
const gender = fc.integer({ min: -1, max: 4 });
const profile = (name: fc.Arbitrary<string>, displayName: fc.Arbitrary<string>) =>
  fc
    .record({ firstName: name, lastName: name, nickName: text(0), displayName, gender })
    .chain((fields) => language.map((preferredLanguage) => ({ ...fields, preferredLanguage })))
    .map(profileFrom);
const add = fc.record({
  type: fc.constant("add" as const),
  userName: named(1),
  email: fc.constantFrom("gigi@giraffe.example", "a@b"),
  isEmailVerified: fc.boolean(),
  profile: profile(named(1), text(0)),
});
const phone = fc.constantFrom(
  { phone: "", isPhoneVerified: false },
  { phone: "+41 71 000 00 00", isPhoneVerified: false },
  { phone: "+", isPhoneVerified: true },
);
const update = fc.record({
  type: fc.constant("change-profile" as const),
  profile: profile(text(1), text(1)),
});
/** Of v2. The profile is verbatim, and any part may be left out. */
const partialUpdate = fc.record(
  {
    type: fc.constant("update" as const),
    userName: text(1),
    profile: profile(text(1), text(0)),
    email: fc.record({
      address: fc.constantFrom("a@b", " okapi@giraffe.example"),
      isVerified: fc.boolean(),
    }),
    phone: fc.oneof(
      fc.constant("remove" as const),
      fc.record({ number: fc.constant("+41710000000"), isVerified: fc.boolean() }),
    ),
  },
  { requiredKeys: ["type"] },
);
const rename = text(1).map((userName) => ({ type: "change-user-name" as const, userName }));
const transition = fc.constantFrom("deactivate", "reactivate", "lock", "unlock");

/** Whatever calls can lead to. */
const humans = fc
  .tuple(
    add,
    phone,
    fc.array(
      fc.oneof(
        update,
        partialUpdate,
        rename,
        transition.map((type) => ({ type })),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([first, reached, others]) =>
    others.reduce(tried, advance({ ...first, ...reached }, initialState).state),
  );

function tried(state: HumanState, command: HumanCommand): HumanState {
  try {
    return advance(command, state).state;
  } catch {
    return state;
  }
}

const profileWith = (fields: object) => ({
  verbatim: true,
  profile: { firstName: "Gigi", lastName: "Giraffe", preferredLanguage: "de", ...fields },
});

/** What a line leads to. */
const read = (line: string) => {
  const { userId, organization, decisions } = lines.read(line, "me");
  return { userId, organization, state: decisions.at(-1)?.state };
};

describe("a user line", () => {
  test("leads to the state that it was written of, whatever calls have led there", () => {
    fc.assert(
      fc.property(humans, (state) => {
        const line = lines.write("u1", "org", state, []) ?? "";
        expect(read(line)).toEqual({ userId: "u1", organization: "org", state });
      }),
      { numRuns: 1_000 },
    );
  });

  test.for<{ name: string; firstName: string; want: boolean | undefined }>([
    {
      name: "leaves it out for a profile that any new user could have",
      firstName: "Gigi",
      want: undefined,
    },
    { name: "says it for one that only an update could make", firstName: " Gigi", want: true },
  ])("verbatim: $name", ({ firstName, want }) => {
    const { state } = advance(
      {
        type: "add",
        userName: "gigi",
        email: "gigi@giraffe.example",
        isEmailVerified: true,
        phone: "",
        isPhoneVerified: false,
        isVerbatim: true,
        profile: profileFrom({
          firstName,
          lastName: "Giraffe",
          nickName: "",
          displayName: "Gigi Giraffe",
          preferredLanguage: "de",
          gender: 1,
        }),
      },
      initialState,
    );
    expect(JSON.parse(lines.write("u1", "org", state, []) ?? "").verbatim).toBe(want);
  });

  test.for<{ name: string; fields: object; want: string }>([
    {
      name: "verbatim that is no boolean",
      fields: { verbatim: 1 },
      want: "must be true or false",
    },
    { name: "no language tag", fields: profileWith({ preferredLanguage: "de_" }), want: "tag" },
    { name: "a name that is empty", fields: profileWith({ firstName: "" }), want: "FirstName" },
    {
      name: "a name that is too long",
      fields: profileWith({ lastName: "x".repeat(201) }),
      want: "LastName",
    },
    { name: "U+0000", fields: profileWith({ displayName: "\0" }), want: "U+0000" },
  ])("may be verbatim, but not with $name", ({ fields, want }) => {
    const line = { userName: "gigi", email: { email: "gigi@giraffe.example" }, ...fields };
    expect(() => lines.read(JSON.stringify(line), "me")).toThrow(want);
  });

  const withPhone = (phone: string, more: object = {}) =>
    JSON.stringify({
      userName: "gigi",
      profile: { firstName: "Gigi", lastName: "Giraffe", preferredLanguage: "de" },
      email: { email: "gigi@giraffe.example" },
      phone: { phone },
      ...more,
    });

  const dates = { version: 1, createdAt: 1, changedAt: 1 };

  test("carries metadata, any bytes, and adds it with one event for each key", () => {
    const attributes = [
      { ...dates, key: "b", value: Buffer.from([0, 255, 10]) },
      { ...dates, key: 'a \u{1f992}"', value: Buffer.from("red") },
    ];
    const { state } = read(withPhone("+41446681800", { state: "USER_STATE_LOCKED" }));
    const line = lines.write("u1", "org", state as HumanState, attributes) ?? "";
    expect(JSON.parse(line).metadata).toEqual([
      { key: "b", value: "AP8K" },
      { key: 'a \u{1f992}"', value: "cmVk" },
    ]);
    const { decisions } = lines.read(line, "me");
    expect(lines.mayHaveAttributes(decisions.at(-1)?.state as HumanState)).toBe(true);
    expect(decisions.at(-1)).toEqual({
      events: attributes.map(({ key, value }) => ({
        type: "user.metadata.set",
        data: { key, value: value.toString("base64") },
        creator: "me",
      })),
      state: { ...state, metadataChanges: 2 },
      attributes: attributes.map(({ key, value }) => ({ key, value: new Uint8Array(value) })),
    });
  });

  test("without metadata, or with none, adds none", () => {
    for (const metadata of [undefined, null, []]) {
      const { state } = read(withPhone("+41446681800", { metadata }));
      expect(state).not.toHaveProperty("metadataChanges");
      expect(lines.mayHaveAttributes(state as HumanState)).toBe(false);
    }
  });

  test.for([
    { name: "a text", metadata: "a", want: "metadata" },
    { name: "an unknown field", metadata: [{ key: "a", value: "YQ==", nope: 1 }], want: "nope" },
    { name: "no base64", metadata: [{ key: "a", value: "%" }], want: "value" },
    { name: "no key", metadata: [{ value: "YQ==" }], want: "Metadata.Key: value length" },
    { name: "no value", metadata: [{ key: "a" }], want: "Metadata.Value: value length" },
    {
      name: "too much",
      metadata: Array(1_001).fill({ key: "a", value: "YQ==" }),
      want: "the user would have too much metadata",
    },
  ])("refuses metadata that is $name", ({ metadata, want }) => {
    expect(() => lines.read(withPhone("+41446681800", { metadata }), "me")).toThrow(want);
  });

  test("C8: has its phone read as a number of E.164", () => {
    expect(read(withPhone("+41 44 668 18 00")).state).toMatchObject({ phone: "+41446681800" });
  });

  test("C8: says in words that its phone is none, or a name is blank", () => {
    expect(() => read(withPhone("+41 x"))).toThrow(/^Phone is invalid$/);
    expect(() => read(withPhone("+41446681800", { userName: " " }))).toThrow(
      /^Argument is invalid$/,
    );
  });

  test.for(["+41 71 000 00 00", "+nobody", "+41041446681800"])(
    "C8: keeps a phone that was stored before phones were checked: %s",
    (phone) => {
      const before = read(withPhone(phone, { verbatim: true })).state as HumanState;
      expect(before).toMatchObject({ phone });
      const line = lines.write("u1", "org", before, []) ?? "";
      expect(JSON.parse(line)).toMatchObject({ verbatim: true, phone: { phone } });
      expect(read(line).state).toEqual(before);
    },
  );

  test("of a user who was removed is none", () => {
    expect(lines.write("u1", "org", { kind: "removed" }, [])).toBeUndefined();
  });
});
