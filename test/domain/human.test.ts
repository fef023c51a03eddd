import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorKey, ServiceError } from "../../src/domain/errors.ts";
import { advance, decide, type HumanCommand } from "../../src/domain/human.ts";
import {
  evolve,
  type HumanEvent,
  type HumanState,
  initialState,
} from "../../src/domain/human-state.ts";
import type { ApiVersion, Transition } from "../../src/domain/lifecycle.ts";
import type { Profile } from "../../src/domain/profile.ts";
import { uniqueKeys, userNameKey } from "../../src/domain/user-name.ts";
import { account, added, fold, profile, removed, updates } from "./gigi.ts";

const deactivated: HumanEvent = { type: "user.deactivated", data: {} };
const locked: HumanEvent = { type: "user.locked", data: {} };

const add: HumanCommand = { type: "add", ...account, profile };
const change = (fields: Partial<Profile>): HumanCommand => ({
  type: "change-profile",
  profile: { ...profile, ...fields },
});

describe("decide", () => {
  test.for<{ name: string; given: HumanEvent[]; command: HumanCommand; want: HumanEvent }>([
    { name: "adds a human", given: [], command: add, want: added },
    {
      name: "changes only what differs",
      given: [added],
      command: change({ lastName: "G.", gender: 1 }),
      want: { type: "user.human.profile.changed", data: { lastName: "G.", gender: 1 } },
    },
    {
      name: "clears a field",
      given: [added, { type: "user.human.profile.changed", data: { nickName: "Gigi" } }],
      command: change({ nickName: "" }),
      want: { type: "user.human.profile.changed", data: { nickName: "" } },
    },
    {
      name: "stores a changed name verbatim and leaves the display name",
      given: [added],
      command: change({ firstName: " " }),
      want: { type: "user.human.profile.changed", data: { firstName: " " } },
    },
    {
      name: "changes the profile of an inactive human",
      given: [added, deactivated],
      command: change({ nickName: "G" }),
      want: { type: "user.human.profile.changed", data: { nickName: "G" } },
    },
    {
      name: "changes the profile of a locked human",
      given: [added, locked],
      command: change({ nickName: "G" }),
      want: { type: "user.human.profile.changed", data: { nickName: "G" } },
    },
    {
      name: "deactivates an active human",
      given: [added],
      command: { type: "deactivate" },
      want: deactivated,
    },
    {
      name: "deactivates a locked human",
      given: [added, locked],
      command: { type: "deactivate" },
      want: deactivated,
    },
    {
      name: "reactivates an inactive human",
      given: [added, deactivated],
      command: { type: "reactivate" },
      want: { type: "user.reactivated", data: {} },
    },
    { name: "locks an active human", given: [added], command: { type: "lock" }, want: locked },
    {
      name: "unlocks a locked human",
      given: [added, locked],
      command: { type: "unlock" },
      want: { type: "user.unlocked", data: {} },
    },
    { name: "removes an active human", given: [added], command: { type: "remove" }, want: removed },
    {
      name: "removes a locked human",
      given: [added, locked],
      command: { type: "remove" },
      want: removed,
    },
  ])("$name", ({ given, command, want }) => {
    expect(decide(command, fold(given))).toEqual([want]);
  });

  test("trims the names of a new human and gives it a display name", () => {
    const command: HumanCommand = {
      type: "add",
      ...account,
      userName: " gigi\n",
      profile: { ...profile, firstName: " Gigi ", lastName: "\tG. ", displayName: "" },
    };
    const [event] = decide(command, initialState);
    expect(event?.data).toMatchObject({
      userName: "gigi",
      firstName: "Gigi",
      lastName: "G.",
      displayName: "Gigi G.",
    });
  });

  test.for<{ name: string; given: HumanEvent[]; command: HumanCommand; want: ErrorKey }>([
    { name: "to add twice", given: [added], command: add, want: "userAlreadyExists" },
    {
      name: "to add under the id of a removed human",
      given: [added, removed],
      command: add,
      want: "userAlreadyExists",
    },
    {
      name: "a blank user name",
      given: [],
      command: { type: "add", ...account, userName: " ", profile },
      want: "userNameBlank",
    },
    {
      name: "a blank first name of a new human",
      given: [],
      command: { type: "add", ...account, profile: { ...profile, firstName: " " } },
      want: "firstNameBlank",
    },
    {
      name: "a blank last name of a new human",
      given: [],
      command: { type: "add", ...account, profile: { ...profile, lastName: " " } },
      want: "lastNameBlank",
    },
    {
      name: "a change that changes nothing",
      given: [added],
      command: change({}),
      want: "profileNotChanged",
    },
    { name: "to change an unknown human", given: [], command: change({}), want: "profileNotFound" },
    {
      name: "to change a removed human",
      given: [added, removed],
      command: change({ nickName: "G" }),
      want: "profileNotFound",
    },
    {
      name: "to deactivate an inactive human",
      given: [added, deactivated],
      command: { type: "deactivate" },
      want: "alreadyInactive",
    },
    {
      name: "to reactivate an active human",
      given: [added],
      command: { type: "reactivate" },
      want: "notInactive",
    },
    {
      name: "to reactivate a locked human",
      given: [added, locked],
      command: { type: "reactivate" },
      want: "notInactive",
    },
    {
      name: "to lock a locked human",
      given: [added, locked],
      command: { type: "lock" },
      want: "notLockable",
    },
    {
      name: "to lock an inactive human",
      given: [added, deactivated],
      command: { type: "lock" },
      want: "notLockable",
    },
    {
      name: "to unlock an active human",
      given: [added],
      command: { type: "unlock" },
      want: "notLocked",
    },
    {
      name: "to unlock an inactive human",
      given: [added, deactivated],
      command: { type: "unlock" },
      want: "notLocked",
    },
  ])("refuses $name", ({ given, command, want }) => {
    expect(() => decide(command, fold(given))).toThrow(expect.objectContaining({ key: want }));
  });

  describe.for<{ type: Transition["type"] | "remove"; api?: ApiVersion; want: ErrorKey }>([
    { type: "deactivate", want: "deactivateNotFound" },
    { type: "reactivate", want: "reactivateNotFound" },
    { type: "lock", want: "lockNotFound" },
    { type: "unlock", want: "unlockNotFound" },
    { type: "remove", want: "removeNotFound" },
    { type: "deactivate", api: "v2", want: "deactivateUserNotFound" },
    { type: "reactivate", api: "v2", want: "reactivateUserNotFound" },
    { type: "lock", api: "v2", want: "lockUserNotFound" },
    { type: "unlock", api: "v2", want: "unlockUserNotFound" },
    { type: "remove", api: "v2", want: "deleteUserNotFound" },
  ])("refuses with $want to $type", ({ want, ...command }) => {
    test.for<{ name: string; given: HumanEvent[] }>([
      { name: "an unknown", given: [] },
      { name: "a removed", given: [added, removed] },
    ])("$name human", ({ given }) => {
      expect(() => decide(command, fold(given))).toThrow(expect.objectContaining({ key: want }));
    });
  });

  test.for<{ type: Transition["type"]; given: HumanEvent[]; want: ErrorKey }>([
    { type: "deactivate", given: [added, deactivated], want: "userAlreadyInactive" },
    { type: "reactivate", given: [added], want: "userNotInactive" },
    { type: "reactivate", given: [added, locked], want: "userNotInactive" },
    { type: "lock", given: [added, locked], want: "userNotLockable" },
    { type: "lock", given: [added, deactivated], want: "userNotLockable" },
    { type: "unlock", given: [added], want: "userNotLocked" },
    { type: "unlock", given: [added, deactivated], want: "userNotLocked" },
  ])("refuses to $type by v2 with $want", ({ type, given, want }) => {
    expect(() => decide({ type, api: "v2" }, fold(given))).toThrow(
      expect.objectContaining({ key: want }),
    );
  });

  test("changes the status by v2 as by v1", () => {
    const states = [fold([added]), fold([added, locked]), fold([added, deactivated])];
    for (const type of ["deactivate", "reactivate", "lock", "unlock"] as const)
      for (const state of states)
        expect(outcome({ type, api: "v2" }, state)).toEqual(outcome({ type }, state));
  });
});

/** The events of a command, or that it is refused. */
function outcome(command: HumanCommand, state: HumanState) {
  try {
    return decide(command, state);
  } catch (error) {
    expect(error).toBeInstanceOf(ServiceError);
    return "refused";
  }
}

describe("evolve", () => {
  const present: HumanState = { kind: "present", status: "active", ...account, profile };

  test.for<{ name: string; given: HumanEvent[]; want: HumanState }>([
    { name: "present once added", given: [added], want: present },
    {
      name: "changed in the fields that changed",
      given: [added, { type: "user.human.profile.changed", data: { nickName: "G" } }],
      want: { ...present, profile: { ...profile, nickName: "G" } },
    },
    { name: "inactive", given: [added, deactivated], want: { ...present, status: "inactive" } },
    {
      name: "active once reactivated",
      given: [added, deactivated, { type: "user.reactivated", data: {} }],
      want: present,
    },
    { name: "locked", given: [added, locked], want: { ...present, status: "locked" } },
    {
      name: "active once unlocked",
      given: [added, locked, { type: "user.unlocked", data: {} }],
      want: present,
    },
    {
      name: "called otherwise",
      given: [added, { type: "user.username.changed", data: { userName: "g" } }],
      want: { ...present, userName: "g" },
    },
    {
      name: "without a verified address once it is another",
      given: [added, { type: "user.human.email.changed", data: { email: "g@g.example" } }],
      want: { ...present, email: "g@g.example", isEmailVerified: false },
    },
    {
      name: "with a verified address",
      given: [
        added,
        { type: "user.human.email.changed", data: { email: "g@g.example" } },
        { type: "user.human.email.verified", data: {} },
      ],
      want: { ...present, email: "g@g.example", isEmailVerified: true },
    },
    {
      name: "with a verified phone",
      given: [
        added,
        { type: "user.human.phone.changed", data: { phone: "+41441234567" } },
        { type: "user.human.phone.verified", data: {} },
      ],
      want: { ...present, phone: "+41441234567", isPhoneVerified: true },
    },
    {
      name: "without a verified phone once it is another",
      given: [
        added,
        { type: "user.human.phone.verified", data: {} },
        { type: "user.human.phone.changed", data: { phone: "+41441234567" } },
      ],
      want: { ...present, phone: "+41441234567", isPhoneVerified: false },
    },
    {
      name: "without a phone",
      given: [
        added,
        { type: "user.human.phone.changed", data: { phone: "+41441234567" } },
        { type: "user.human.phone.verified", data: {} },
        { type: "user.human.phone.removed", data: {} },
      ],
      want: present,
    },
    { name: "removed, and nothing else", given: [added, removed], want: { kind: "removed" } },
    { name: "absent after what presumes it", given: [locked], want: { kind: "absent" } },
    {
      name: "removed after what presumes it",
      given: [added, removed, { type: "user.human.profile.changed", data: { nickName: "G" } }],
      want: { kind: "removed" },
    },
  ])("leaves a human $name", ({ given, want }) => {
    expect(fold(given)).toEqual(want);
  });
});

describe("uniqueKeys", () => {
  test.for<{ name: string; given: HumanEvent[]; want: string[] }>([
    { name: "nothing if absent", given: [], want: [] },
    { name: "the user name if present", given: [added], want: ["user-name:gigi@giraffe.example"] },
    { name: "nothing once removed", given: [added, removed], want: [] },
  ])("holds $name", ({ given, want }) => {
    expect(uniqueKeys(fold(given))).toEqual(want);
  });

  test("is the same for a user name in another case", () => {
    expect(userNameKey("GIGI")).toBe(userNameKey("gigi"));
  });

  test.for([
    { a: "İstanbul", b: "istanbul", isOne: true },
    { a: "STRAẞE", b: "straße", isOne: true },
    { a: "straße", b: "STRASSE", isOne: false },
    { a: "ΜΆΪΟΣ", b: "μάϊοσ", isOne: true },
    { a: "ΜΆΪΟΣ", b: "μάϊος", isOne: false },
  ])("C7: $a and $b are one: $isOne", ({ a, b, isOne }) => {
    expect(userNameKey(a) === userNameKey(b)).toBe(isOne);
  });

  test("C7: are trimmed as Go does, and so are other names and the e-mail address", () => {
    const padded = (text: string) => `\u0085\u3000 ${text}\u2029\n`;
    const { profile, userName, email } = add;
    const { firstName, lastName } = profile;
    const names = { firstName: padded(firstName), lastName: padded(lastName), displayName: "" };
    const command = { ...add, userName: padded(userName), email: padded(email) };
    const displayName = `${firstName} ${lastName}`;
    expect(decide({ ...command, profile: { ...profile, ...names } }, initialState)).toEqual([
      {
        type: "user.human.added",
        data: expect.objectContaining({ userName, email, firstName, lastName, displayName }),
      },
    ]);
    const mark = "\ufeffgigi";
    const [event] = decide({ ...add, userName: mark }, initialState);
    expect(event?.data).toMatchObject({ userName: mark });
  });
});

describe("advance", () => {
  const present = fold([added]);

  test.for<{ name: string; command: HumanCommand; before: HumanState; want: string[] | undefined }>(
    [
      {
        name: "sets the unique key of a new user",
        command: add,
        before: initialState,
        want: ["user-name:gigi@giraffe.example"],
      },
      {
        name: "gives up the name of a removed one",
        command: { type: "remove" },
        before: present,
        want: [],
      },
      {
        name: "gives up the old name for a new one",
        command: { type: "change-user-name", userName: "Gigi" },
        before: present,
        want: ["user-name:gigi"],
      },
      {
        name: "keeps the unique key if only the case changes",
        command: { type: "change-user-name", userName: account.userName.toUpperCase() },
        before: present,
        want: undefined,
      },
      {
        name: "leaves the name alone otherwise",
        command: { type: "lock" },
        before: present,
        want: undefined,
      },
    ],
  )("$name", ({ command, before, want }) => {
    const step = advance(command, before);
    expect(step.uniqueKeys).toEqual(want);
    expect(step.state).toEqual(step.events.reduce(evolve, before));
  });
});

describe("any run of commands", () => {
  const command = fc.oneof(
    { weight: 2, arbitrary: fc.constant(add) },
    {
      weight: 3,
      arbitrary: fc
        .record({ nickName: fc.constantFrom("", "G"), gender: fc.constantFrom(0, 1) })
        .map((fields) => change(fields)),
    },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom("gigi", "GIGI", " g")
        .map((userName): HumanCommand => ({ type: "change-user-name", userName })),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constantFrom("change-email", "set-email"),
        email: fc.constantFrom(account.email, "g@g.example"),
        isVerified: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constantFrom("change-phone", "set-phone"),
        phone: fc.constantFrom("+41441234567", "+41710000000", undefined),
        isVerified: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom("remove-phone", "clear-phone")
        .map((type): HumanCommand => ({ type })),
    },
    { weight: 5, arbitrary: updates },
    {
      weight: 5,
      arbitrary: fc
        .constantFrom("deactivate", "reactivate", "lock", "unlock", "remove")
        .map((type): HumanCommand => ({ type })),
    },
  );

  /** Every state of the run and the events between them; a refused command leaves no trace. */
  const run = (commands: HumanCommand[]) => {
    const events: HumanEvent[] = [];
    const states: HumanState[] = [initialState];
    for (const next of commands) {
      const state = states.at(-1) ?? initialState;
      try {
        for (const event of decide(next, state)) {
          events.push(event);
          states.push(evolve(states.at(-1) ?? state, event));
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ServiceError);
      }
    }
    return { events, states };
  };

  test("ends in the state that its stored events lead to", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        const { events, states } = run([add, ...commands]);
        const replayed: HumanEvent[] = JSON.parse(JSON.stringify(events));
        expect(fold(replayed)).toEqual(states.at(-1));
      }),
    );
  });

  test("changes the state with every event, and the state survives JSON", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        const { states } = run([add, ...commands]);
        for (const [index, state] of states.entries()) {
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
          expect(states[index - 1]).not.toEqual(state);
        }
      }),
    );
  });
});
