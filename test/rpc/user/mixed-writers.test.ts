/** Both versions change everything of one user at once, and the last state is computed from the answers. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import {
  startUserSetting,
  type UserSetting,
  methods as v2,
} from "../../support/api/user-setting.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

/** What a change leaves of a person, in the words of v2. */
type Facts = {
  readonly username: string;
  readonly profile: JsonObject;
  readonly email: JsonObject;
  readonly phone: JsonObject;
};

/** A change whose every value is new, so that each of its facts is an event. */
type Write = {
  readonly method: DescMethodUnary;
  readonly request: JsonObject;
  readonly events: readonly string[];
  /** A part of a profile is laid over the profile; the other facts are replaced. */
  readonly facts: Partial<Facts>;
};

const renamed = "user.username.changed";
const profileChanged = "user.human.profile.changed";
const emailChanged = "user.human.email.changed";
const emailVerified = "user.human.email.verified";
const phoneChanged = "user.human.phone.changed";
const phoneVerified = "user.human.phone.verified";

/** The kinds of changes; the number makes the values of one request differ from those of all others. */
const kinds: readonly ((userId: string, number: number) => Write)[] = [
  (userId, number) => {
    const others = {
      nickName: `nick ${number}`,
      displayName: `display ${number}`,
      preferredLanguage: ["de", "fr"][number % 2] ?? "",
      gender: ["GENDER_MALE", "GENDER_DIVERSE"][number % 2] ?? "",
    };
    const [first, last] = [`first ${number}`, `last ${number}`];
    return {
      method: v1.updateHumanProfile,
      request: { userId, firstName: first, lastName: last, ...others },
      events: [profileChanged],
      facts: { profile: { givenName: first, familyName: last, ...others } },
    };
  },
  (userId, number) => {
    const profile = { givenName: `given ${number}`, familyName: `family ${number}` };
    return {
      method: v2.updateHumanUser,
      request: { userId, profile },
      events: [profileChanged],
      facts: { profile },
    };
  },
  (userId, number) => {
    const profile = { nickName: `nick ${number}` };
    return {
      method: v2.updateUser,
      request: { userId, human: { profile } },
      events: [profileChanged],
      facts: { profile },
    };
  },
  (userId, number) => ({
    method: v1.updateUserName,
    request: { userId, userName: `name-${number}` },
    events: [renamed],
    facts: { username: `name-${number}` },
  }),
  (userId, number) => {
    const email = { email: `email-${number}@giraffe.example`, isVerified: true };
    const phone = { phone: phoneOf(number) };
    const profile = { givenName: `given ${number}`, familyName: `family ${number}` };
    const username = `name-${number}`;
    return {
      method: v2.updateHumanUser,
      request: { userId, username, profile, email, phone },
      events: [renamed, profileChanged, emailChanged, emailVerified, phoneChanged],
      facts: { username, profile, email, phone },
    };
  },
  (userId, number) => {
    const phone = { phone: phoneOf(number), isVerified: true };
    return {
      method: v2.updateUser,
      request: { userId, username: `name-${number}`, human: { phone } },
      events: [renamed, phoneChanged, phoneVerified],
      facts: { username: `name-${number}`, phone },
    };
  },
  (userId, number) => {
    const email = `email-${number}@giraffe.example`;
    return {
      method: v1.updateHumanEmail,
      request: { userId, email, isEmailVerified: true },
      events: [emailChanged, emailVerified],
      facts: { email: { email, isVerified: true } },
    };
  },
  (userId, number) => {
    const email = `email-${number}@giraffe.example`;
    return {
      method: v2.setEmail,
      request: { userId, email },
      events: [emailChanged],
      facts: { email: { email } },
    };
  },
  (userId, number) => ({
    method: v1.updateHumanPhone,
    request: { userId, phone: phoneOf(number) },
    events: [phoneChanged],
    facts: { phone: { phone: phoneOf(number) } },
  }),
  (userId, number) => {
    const phone = { phone: phoneOf(number), isVerified: true };
    return {
      method: v2.setPhone,
      request: { userId, ...phone },
      events: [phoneChanged, phoneVerified],
      facts: { phone },
    };
  },
];

const phoneOf = (number: number) => `+4144${1_234_000 + number}`;
const writers = 200;

describe("200 changes of a user name, a profile, an e-mail address and a phone at once", () => {
  test("have all their events side by side, and the last state is the fold of all", async () => {
    const userId = await setting.addUser();
    const writes = Array.from({ length: writers }, (_, number) =>
      (kinds[number % kinds.length] as (typeof kinds)[number])(userId, number),
    );
    const replies = await Promise.all(
      writes.map(({ method, request }, number) =>
        // Eleven callers and ten kinds: every kind is sent over every protocol.
        setting.callOver(callers[number % callers.length] as Caller, method, request),
      ),
    );
    expect(replies.filter(({ code }) => code !== 0)).toEqual([]);

    const changes = await changesOf(userId);
    const inOrder = writes
      .map((write, index) => ({ ...write, last: sequenceOf(replies[index], changes) }))
      .sort((one, other) => one.last - other.last);
    // So each answer names the last event of its own change, and nothing else was written.
    const wanted = ["user.human.added", ...inOrder.flatMap(({ events }) => events)];
    expect(changes.map(({ type }) => type)).toEqual(wanted);
    let written = 1;
    for (const { events, last } of inOrder) {
      written += events.length;
      expect(last).toBe(written);
    }

    let folded: Partial<Facts> = {};
    for (const { facts } of inOrder) {
      const profile = { ...folded.profile, ...facts.profile };
      folded = { ...folded, ...facts, profile };
    }
    const { username, human, details } = await setting.read(userId);
    const { profile, email, phone } = object(human);
    expect({ username, profile, email, phone }).toEqual(folded);
    expect(object(details).sequence).toBe(String(written));
    const { details: older } = object((await setting.call(v1.getUserByID, { id: userId })).user);
    expect(older).toEqual(details);
  });
});

type Change = { readonly sequence: number; readonly date: string; readonly type: string };

/** The oldest first, without gaps. */
async function changesOf(userId: string): Promise<readonly Change[]> {
  const request = { userId, query: { asc: true, limit: 1_000 } };
  const { result } = await setting.call(v1.listUserChanges, request);
  const changes = list(result).map((each) => {
    const { sequence, changeDate, eventType } = object(each);
    const type = text(object(eventType).key).replace("EventTypes.", "");
    return { sequence: Number(sequence), date: text(changeDate), type };
  });
  expect(changes.map(({ sequence }) => sequence)).toEqual(changes.map((_, index) => index + 1));
  return changes;
}

/** UpdateUser answers with the date alone, which is that of the last event of the change. */
function sequenceOf(reply: Pick<Reply, "body"> | undefined, changes: readonly Change[]): number {
  const { details, changeDate } = object(reply?.body);
  if (details !== undefined) return Number(object(details).sequence);
  return changes.findLast(({ date }) => date === changeDate)?.sequence ?? 0;
}
