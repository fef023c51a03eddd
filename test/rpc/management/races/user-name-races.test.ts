import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { UserService } from "../../../../gen/zitadel/user/v2/user_service_pb.ts";
import { type Caller, callers, closeCallers, type Reply } from "../../../support/api/callers.ts";
import { list, object, text } from "../../../support/api/json.ts";
import { gigi, methods } from "../../../support/api/setting.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { startServer, type TestServer } from "../../../support/server.ts";

const rounds = 4;
const readsInRound = 60;

const counted = (count: number) => Array.from({ length: count }, (_, number) => number);

/** A rename, by v1 or by v2 in turn, and how it was answered. */
type Attempt = { readonly user: number; readonly userName: string; readonly reply: Reply };

/** What a rename may be answered with: done, or the two refusals. */
const answers = [
  "0 ",
  "6 User already exists (V3-DKcYh)",
  "9 Username not changed (COMMAND-6m9gs)",
];

/** Servers on one database, with users of these names. */
async function start(
  serverCount: number,
  newDatabase: (() => Promise<string>) | undefined,
  names: readonly string[],
) {
  const first = await startServer([], undefined, await newDatabase?.());
  const servers: TestServer[] = [first];
  onTestFinished(async () => {
    closeCallers();
    for (const server of servers.toReversed()) await server.close();
  });
  while (servers.length < serverCount)
    servers.push(await startServer([], first.folder, first.database));

  /** Over the next protocol and by the next server in turn. */
  const call = (number: number, method: DescMethodUnary, request: JsonObject) => {
    const server = servers[number % servers.length] as TestServer;
    const caller = callers[number % callers.length] as Caller;
    return caller.call(server.url, method, request, { token: first.adminToken });
  };
  const add = async (userName: string, number: number) => {
    const request = { userName, profile: gigi, email: { email: "gigi@giraffe.example" } };
    const { body } = await call(number, methods.importHumanUser, request);
    return text(body?.userId);
  };
  return { call, ids: await Promise.all(names.map(add)) };
}

describe.for([
  { name: "one server on SQLite", serverCount: 1, newDatabase: undefined, userCount: 8 },
  {
    name: "two servers on PostgreSQL",
    serverCount: 2,
    newDatabase: newPostgresDatabase,
    userCount: 8,
  },
  {
    name: "two servers on PostgreSQL",
    serverCount: 2,
    newDatabase: newPostgresDatabase,
    userCount: 100,
  },
])("a thousand renames of $userCount users, with $name:", (row) => {
  const { serverCount, newDatabase, userCount } = row;
  /** Some are free at any time, and every user wants every one of them. */
  const names = counted(userCount + 3 + userCount / 4).map((number) => `name-${number}`);
  const nameOf = (number: number) => text(names[number % names.length]);
  const renamesInRound = 1_000 / rounds;

  test("no name has two holders, none is lost, and what is given up can be taken at once", async () => {
    const { call, ids } = await start(serverCount, newDatabase, names.slice(0, userCount));
    const holds = names.slice(0, userCount);
    const sequences = holds.map(() => 1);

    const rename = async (number: number, user: number, userName: string): Promise<Attempt> => {
      const userId = text(ids[user]);
      const reply =
        Math.floor(number / 3) % 2 === 0
          ? await call(number, methods.updateUserName, { userId, userName })
          : await call(number, UserService.method.updateHumanUser, { userId, username: userName });
      return { user, userName, reply };
    };
    /** Whoever has the name, in capitals or not. */
    const holderOf = async (number: number, name: string) => {
      const loginName = number % 2 === 0 ? name : name.toUpperCase();
      const { body } = await call(number, methods.getUserByLoginNameGlobal, { loginName });
      return body === undefined ? undefined : object(body.user);
    };
    /** In the order of sequences. By v2, the name that a user has already is no change, and no error. */
    const note = (attempt: Attempt) => {
      const { user, userName } = attempt;
      const isChange = userName !== holds[user] || sequenceOf(attempt) !== sequences[user];
      expect(sequenceOf(attempt)).toBe((sequences[user] ?? 0) + (isChange ? 1 : 0));
      sequences[user] = sequenceOf(attempt);
      holds[user] = userName;
    };

    for (const round of counted(rounds)) {
      const racing = counted(renamesInRound).map((each) => {
        const wanted = nameOf(each * 7 + round * 3);
        return rename(each, each % userCount, each % 3 === 0 ? wanted.toUpperCase() : wanted);
      });
      const reading = counted(readsInRound).map(async (each) => {
        const found = await holderOf(each, nameOf(each));
        expect(text(found?.userName ?? nameOf(each)).toLowerCase()).toBe(nameOf(each));
      });
      const attempts = await Promise.all(racing);
      await Promise.all(reading);

      const given = attempts.map(({ reply: { code, message } }) => `${code} ${message}`);
      expect(answers).toEqual(expect.arrayContaining(given));
      expect(given).toEqual(expect.arrayContaining(answers.slice(0, 2)));
      attempts
        .filter(({ reply }) => reply.code === 0)
        .sort((one, other) => sequenceOf(one) - sequenceOf(other))
        .forEach(note);

      const held = holds.map((name) => name.toLowerCase());
      expect(new Set(held).size).toBe(userCount);
      const free = names.filter((name) => !held.includes(name));
      expect(free).toHaveLength(names.length - userCount);
      for (const server of counted(serverCount)) {
        const holders = await Promise.all(held.map((name) => holderOf(server, name)));
        expect(holders.map((user) => user?.id)).toEqual(ids);
        expect(holders.map((user) => user?.userName)).toEqual(holds);
        const nobody = await Promise.all(free.map((name) => holderOf(server, name)));
        expect(nobody).toEqual(free.map(() => undefined));
      }

      // One takes a free name, and the next takes what the one before has left, by another server.
      let next = text(free[0]);
      for (const user of counted(userCount)) {
        const left = text(holds[user]).toLowerCase();
        const attempt = await rename(user, user, next);
        expect(attempt.reply).toMatchObject({ code: 0 });
        note(attempt);
        next = left;
      }
    }

    for (const [user, userId] of ids.entries()) {
      const request = { userId, query: { limit: 1_000, asc: true } };
      const { body } = await call(user, methods.listUserChanges, request);
      const changes = list(body?.result).map((change) => object(change));
      expect(changes.map(({ sequence }) => Number(sequence))).toEqual(
        counted(sequences[user] ?? 0).map((index) => index + 1),
      );
      expect(changes.slice(1).map(({ eventType }) => object(eventType).key)).toEqual(
        changes.slice(1).map(() => "EventTypes.user.username.changed"),
      );
    }
  });
});

function sequenceOf({ reply }: Attempt): number {
  return Number(object(reply.body?.details).sequence);
}
