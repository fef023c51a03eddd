import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Caller, callers, closeCallers, type Reply } from "../../../support/api/callers.ts";
import { list, object, text } from "../../../support/api/json.ts";
import { refused } from "../../../support/api/refusals.ts";
import { gigi, type Method, methods } from "../../../support/api/setting.ts";
import { runProgram } from "../../../support/child.ts";
import { startServer, type TestServer } from "../../../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer([]);
});
afterAll(async () => {
  closeCallers();
  await server.close();
});

const counted = (count: number, first = 0) => Array.from({ length: count }, (_, at) => first + at);

/** The callers in turn. */
const callerOf = (number: number) => callers[number % callers.length] as Caller;

const languages = ["en", "de", "fr", "it"];
const genders = ["GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"];

/** A profile that no other request carries, so that a mixture of two requests is noticed. */
function profileOf(number: number): JsonObject {
  return {
    firstName: `first name ${number}`,
    lastName: `last name ${number}`,
    nickName: `nick name ${number}`,
    displayName: `display name ${number}`,
    preferredLanguage: languages[number % languages.length] ?? "",
    gender: genders[number % genders.length] ?? "",
  };
}

/** Over the next protocol in turn. */
function update(
  { url, adminToken }: TestServer,
  userId: string,
  number: number,
  profile = profileOf(number),
): Promise<Reply> {
  const options = { token: adminToken };
  return callerOf(number).call(url, methods.updateHumanProfile, { userId, ...profile }, options);
}

/** Makes a call, and throws unless it succeeds. */
async function call({ url, adminToken }: TestServer, method: Method, request: JsonObject) {
  const { body, message } = await callerOf(0).call(url, method, request, { token: adminToken });
  if (body === undefined) throw new Error(`${method.name}: ${message}`);
  return body;
}

let userNames = 0;
async function addUser(to: TestServer): Promise<string> {
  userNames += 1;
  const userName = `user-${userNames}`;
  const request = { userName, profile: gigi, email: { email: "gigi@giraffe.example" } };
  return text((await call(to, methods.importHumanUser, request)).userId);
}

const readProfile = (from: TestServer, userId: string) =>
  call(from, methods.getHumanProfile, { userId });

/** Sequence and date of every change, the oldest first; there must be less than 1,000. */
async function changesOf(from: TestServer, userId: string) {
  const request = { userId, query: { limit: 1_000, asc: true } };
  const { result } = await call(from, methods.listUserChanges, request);
  return list(result).map((change) => {
    const { sequence, changeDate } = object(change);
    return { sequence: Number(sequence), changeDate: text(changeDate) };
  });
}

/** Sequence and date in an answer. */
function acknowledged({ body }: Reply) {
  const { sequence, changeDate } = object(body?.details);
  return { sequence: Number(sequence), changeDate: text(changeDate) };
}

/** With nine digits of a second, so that texts sort like times. */
const sortable = (date: string) =>
  date.replace(/(?:\.(\d+))?Z$/, (_, digits = "") => `.${digits.padEnd(9, "0")}Z`);

describe("updates at the same time,", () => {
  test("200 of one user over every protocol: each is stored once, whole and in order", async () => {
    const userId = await addUser(server);
    const replies = await Promise.all(counted(200).map((each) => update(server, userId, each)));
    expect(replies.map(({ code }) => code)).toEqual(counted(200).map(() => 0));

    const stored = replies
      .map((reply, number) => ({ ...acknowledged(reply), number }))
      .sort((a, b) => a.sequence - b.sequence);
    expect(stored.map(({ sequence }) => sequence)).toEqual(counted(200, 2));
    const last = stored.at(-1)?.number ?? -1;
    expect(await readProfile(server, userId)).toEqual({
      ...replies[last]?.body,
      profile: profileOf(last),
    });

    const [added, ...changed] = await changesOf(server, userId);
    expect(added?.sequence).toBe(1);
    expect(changed).toEqual(stored.map(({ number: _, ...rest }) => rest));
    const dates = [added, ...changed].map((change) => sortable(change?.changeDate ?? ""));
    expect(dates).toEqual([...new Set(dates)].sort());
  });

  test("50 with the same data: one is stored, 49 are refused because nothing changes", async () => {
    const userId = await addUser(server);
    const profile = profileOf(0);
    const replies = await Promise.all(
      counted(50).map((each) => update(server, userId, each, profile)),
    );
    const successes = replies.filter(({ code }) => code === 0);
    expect(successes.map(acknowledged)).toMatchObject([{ sequence: 2 }]);
    const notChanged = {
      code: 9,
      text: "Profile not changed",
      id: "COMMAND-2M0fs",
      reason: "PROFILE_NOT_CHANGED",
    };
    const others = replies.flatMap(({ headers: _, ...reply }, number) =>
      reply.code === 0 ? [] : [{ number, reply }],
    );
    expect(others).toHaveLength(49);
    expect(others).toEqual(
      others.map(({ number }) => ({ number, reply: refused(callerOf(number), notChanged) })),
    );
    expect(await readProfile(server, userId)).toEqual({ ...successes[0]?.body, profile });
    expect(await changesOf(server, userId)).toHaveLength(2);
  });

  test("three for each of 100 users: no user gets another user's data", async () => {
    const users = await Promise.all(counted(100).map(() => addUser(server)));
    const rounds = await Promise.all(
      users.map((userId, index) =>
        Promise.all(
          counted(3).map(async (round) => {
            const number = round * users.length + index;
            const reply = await update(server, userId, number);
            return { ...acknowledged(reply), number };
          }),
        ),
      ),
    );
    for (const round of rounds) round.sort((a, b) => a.sequence - b.sequence);
    expect(rounds.map((round) => round.map(({ sequence }) => sequence))).toEqual(
      users.map(() => [2, 3, 4]),
    );
    const found = await Promise.all(users.map((userId) => readProfile(server, userId)));
    expect(found.map(({ profile }) => profile)).toEqual(
      rounds.map((round) => profileOf(round.at(-1)?.number ?? -1)),
    );
  });

  test("beside admin commands of other processes: all are stored, on both sides", async () => {
    const userId = await addUser(server);
    const tokens: string[] = [];
    let isDone = false;
    const commands = async () => {
      for (const name of ["first", "second", "third"]) {
        const database = `sqlite:${join(server.folder, "giraffe.db")}`;
        const { code, stdout } = await runProgram(process.execPath, [
          ...["src/main.js", "token", "create", "--name", name, "--role", "ORG_OWNER_VIEWER"],
          ...["--org", server.organization, "--database", database, "--json"],
        ]);
        expect(code).toBe(0);
        tokens.push(text(object(JSON.parse(stdout)).secret));
      }
    };
    const updates = async () => {
      const sequences: number[] = [];
      while (!isDone) {
        const numbers = counted(10, sequences.length);
        const replies = await Promise.all(numbers.map((each) => update(server, userId, each)));
        sequences.push(...replies.map((reply) => acknowledged(reply).sequence));
      }
      return sequences.sort((a, b) => a - b);
    };
    const [sequences] = await Promise.all([
      updates(),
      commands().finally(() => {
        isDone = true;
      }),
    ]);
    expect(sequences).toEqual(counted(sequences.length, 2));
    expect(await readProfile(server, userId)).toMatchObject({
      details: { sequence: String(sequences.length + 1) },
    });
    const readers = await Promise.all(
      tokens.map((token) =>
        callerOf(0).call(server.url, methods.getHumanProfile, { userId }, { token }),
      ),
    );
    expect(readers.map(({ code }) => code)).toEqual([0, 0, 0]);
  });
});

/** An attempt to update a user, while the server stops. */
type Attempt = {
  readonly userId: string;
  readonly number: number;
  /** `undefined` if the connection broke before an answer. */
  readonly reply: Reply | undefined;
};

const wasAcknowledged = ({ reply }: Attempt) => reply?.code === 0;

/** The attempts whose data a user may have at this sequence: the one whose answer says so, else those without an answer. */
function possibleLast(attempts: readonly Attempt[], sequence: number): readonly Attempt[] {
  const told = attempts.filter(
    ({ reply }) => reply?.code === 0 && acknowledged(reply).sequence === sequence,
  );
  return told.length > 0 ? told : attempts.filter(({ reply }) => reply === undefined);
}

describe("a server that is started again", () => {
  test("continues the sequence where it stopped", async () => {
    const first = await startServer([]);
    const userId = await addUser(first);
    const before = acknowledged(await update(first, userId, 0));
    await first.stop();

    const second = await startServer([], first.folder);
    onTestFinished(() => second.close());
    expect(second.adminToken).toBe(first.adminToken);
    expect(await readProfile(second, userId)).toMatchObject({ profile: profileOf(0) });
    const repeated = await update(second, userId, 0);
    expect(repeated).toMatchObject({ code: 9 });
    const after = acknowledged(await update(second, userId, 1));
    expect([before.sequence, after.sequence]).toEqual([2, 3]);
    const [added, ...changed] = await changesOf(second, userId);
    expect(added?.sequence).toBe(1);
    expect(changed).toEqual([before, after]);
    const dates = [added, ...changed].map((change) => sortable(change?.changeDate ?? ""));
    expect(dates).toEqual([...new Set(dates)].sort());
  });

  test("has every change that was acknowledged before it stopped, and none that was refused", async () => {
    const first = await startServer([]);
    const users = await Promise.all(counted(8).map(() => addUser(first)));
    const attempts: Attempt[] = [];
    let numbers = 0;
    const busy = Promise.withResolvers<void>();
    /** Updates one user again and again until the server stops. */
    const work = async (userId: string): Promise<void> => {
      const number = numbers;
      numbers += 1;
      const reply = await update(first, userId, number).catch(() => undefined);
      attempts.push({ userId, number, reply });
      if (attempts.length === 300) busy.resolve();
      if (reply?.code === 0) await work(userId);
    };
    const working = users.flatMap((userId) => counted(5).map(() => work(userId)));
    await busy.promise;
    await first.stop();
    await Promise.all(working);

    const second = await startServer([], first.folder);
    onTestFinished(() => second.close());
    const refusals = attempts.flatMap(({ reply }) => (reply?.code ? [reply.code] : []));
    expect(refusals).toEqual(refusals.map(() => 14));
    expect(attempts.filter(wasAcknowledged).length).toBeGreaterThanOrEqual(300);
    for (const userId of users) {
      const own = attempts.filter((attempt) => attempt.userId === userId);
      const unanswered = own.filter(({ reply }) => reply === undefined).length;
      const changes = await changesOf(second, userId);
      const stored = new Map(changes.map(({ sequence, changeDate }) => [sequence, changeDate]));
      expect([...stored.keys()]).toEqual(counted(stored.size, 1));

      const promised = own.filter(wasAcknowledged).map(({ reply }) => acknowledged(reply as Reply));
      expect(new Set(promised.map(({ sequence }) => sequence)).size).toBe(promised.length);
      expect(promised.map(({ sequence }) => stored.get(sequence))).toEqual(
        promised.map(({ changeDate }) => changeDate),
      );
      const unpromised = stored.size - 1 - promised.length;
      expect(unpromised).toBeGreaterThanOrEqual(0);
      expect(unpromised).toBeLessThanOrEqual(unanswered);
      const { profile } = await readProfile(second, userId);
      expect(possibleLast(own, stored.size).map(({ number }) => profileOf(number))).toContainEqual(
        profile,
      );
    }
  });
});
