import fc from "fast-check";
import {
  type Account,
  evolve,
  type HumanEvent,
  type HumanState,
  initialState,
} from "../../src/domain/human-state.ts";
import type { Profile } from "../../src/domain/profile.ts";
import type { UpdateHuman } from "../../src/domain/update-human.ts";

export const profile: Profile = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "",
  displayName: "Gigi Giraffe",
  preferredLanguage: "en",
  gender: 0,
};
export const account: Account = {
  userName: "Gigi@Giraffe.example",
  email: "gigi@giraffe.example",
  isEmailVerified: true,
  phone: "",
  isPhoneVerified: false,
};

export const added: HumanEvent = { type: "user.human.added", data: { ...account, ...profile } };
export const removed: HumanEvent = { type: "user.removed", data: {} };

/** The state that events lead to. */
export const fold = (events: readonly HumanEvent[]): HumanState =>
  events.reduce(evolve, initialState);

/** What v2 may ask for, each part present or not. */
export const updates: fc.Arbitrary<UpdateHuman> = fc.record(
  {
    type: fc.constant("update" as const),
    userName: fc.constantFrom(account.userName, account.userName.toLowerCase(), "okapi", " okapi"),
    profile: fc.record(
      {
        firstName: fc.constantFrom("Gigi", "Olaf", " "),
        lastName: fc.constantFrom("Giraffe", "Okapi"),
        nickName: fc.constantFrom("", "G"),
        displayName: fc.constantFrom("", "Gigi Giraffe"),
        preferredLanguage: fc.constantFrom("und", "en", "de"),
        gender: fc.constantFrom(0, 1, 2, 3),
      },
      { requiredKeys: [] },
    ),
    email: fc.record(
      {
        address: fc.constantFrom(account.email, `${account.email} `, "okapi@giraffe.example"),
        isVerified: fc.boolean(),
      },
      { requiredKeys: ["address"] },
    ),
    phone: fc.oneof(
      fc.constant("remove" as const),
      fc.record(
        {
          number: fc.constantFrom("+41441234567", "+41710000000"),
          isVerified: fc.boolean(),
        },
        { requiredKeys: ["number"] },
      ),
    ),
  },
  { requiredKeys: ["type"] },
);
