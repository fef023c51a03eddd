import { expect, test } from "vitest";
import type { Account } from "../../src/domain/human-state.ts";
import type { Profile } from "../../src/domain/profile.ts";
import { plainKeys, searchKeyNames, searchKeys } from "../../src/domain/search-keys.ts";
import { hasRow, keysOfStep14 } from "../../src/store/search/head-keys.ts";
import { account, fold, profile, removed } from "./gigi.ts";

const keysOf = (more: Partial<Profile> & Partial<Account>) =>
  searchKeys({
    state: fold([{ type: "user.human.added", data: { ...account, ...profile, ...more } }]),
    createdAt: 7,
  });

test("who has no accents has no keys without accents, so that the index is no larger", () => {
  const keys = keysOf({ lastName: "हिन्दी" });
  expect(Object.keys(keys ?? {}).sort()).toEqual([...searchKeyNames].sort());
});

test("a text with accents has a key without them, in lower case", () => {
  const keys = keysOf({
    ...{ firstName: "Zoë", lastName: "Müller", nickName: "BÖ", displayName: "Zoe M." },
    ...{ userName: "müller", email: "zoë@giraffe.example" },
  });
  expect(keys).toMatchObject({
    lastName: "Müller",
    plainFirstName: "zoe",
    plainLastName: "muller",
    plainNickName: "bo",
    plainUserName: "muller",
    plainEmail: "zoe@giraffe.example",
  });
  expect(keys).not.toHaveProperty("plainDisplayName");
  expect(searchKeys({ state: fold([removed]), createdAt: 7 })).toBeUndefined();
});

test("of texts without accents only those are made that are asked for, because they take long", () => {
  const state = fold([
    {
      type: "user.human.added",
      data: { ...account, ...profile, firstName: "Zoë", lastName: "Müller" },
    },
  ]);
  const keys = searchKeys({ state, createdAt: 7 }, new Set(["plainLastName", "userName"]));
  expect(keys).toMatchObject({ firstName: "Zoë", plainLastName: "muller" });
  expect(keys).not.toHaveProperty("plainFirstName");
});

test("the store takes these keys for those that few streams have, which step 14 brought", () => {
  expect(Object.values(plainKeys).sort()).toEqual([...keysOfStep14].sort());
  for (const name of keysOfStep14)
    expect([hasRow(name, ""), hasRow(name, "a")]).toEqual([false, true]);
});
