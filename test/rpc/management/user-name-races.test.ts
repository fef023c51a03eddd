import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Caller, callers, closeCallers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { gigi, type Method, methods } from "../../support/api/setting.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { startServer, type TestServer } from "../../support/server.ts";

const userCount = 8;
/** Some are free at any time, and every user wants every one of them. */
const names = Array.from({ length: 11 }, (_, number) => `name-${number}`);
const rounds = 4;
const renamesInRound = 150;
const readsInRound = 60;

const counted = (count: number) => Array.from({ length: count }, (_, number) => number);
const nameOf = (number: number) => text(names[number % names.length]);

/** A rename, and how it was answered. */
type Attempt = { readonly user: number; readonly userName: string; readonly reply: Reply };

/** Servers on one database, and the users there, whose names are `names` in order. */
async function start(serverCount: number, newDatabase: (() => Promise<string>) | undefined) {
  const first = await startServer([], undefined, await newDatabase?.());
  const servers: TestServer[] = [first];
  onTestFinished(async () => {
    closeCallers();
    for (const server of servers.toReversed()) await server.close();
  });
  while (servers.length < serverCount)
    servers.push(await startServer([], first.folder, first.database));

  /** Over the next protocol and by the next server in turn. */
  const call = (number: number, method: Method, request: JsonObject) => {
    const server = servers[number % servers.length] as TestServer;
    const caller = callers[number % callers.length] as Caller;
    return caller.call(server.url, method, request, { token: first.adminToken });
  };
  const add = async (number: number) => {
    const email = { email: "gigi@giraffe.example" };
    const request = { userName: nameOf(number), profile: gigi, email };
    const { body } = await call(number, methods.importHumanUser, request);
    return text(body?.userId);
  };
  return { call, ids: await Promise.all(counted(userCount).map(add)) };
}

describe.for([
  { name: "one server on SQLite", serverCount: 1, newDatabase: undefined },
  { name: "two servers on PostgreSQL", serverCount: 2, newDatabase: newPostgresDatabase },
])("renames at the same time, with $name:", ({ serverCount, newDatabase }) => {
  test("no name has two holders, none is lost, and what is given up can be taken at once", async () => {
    const { call, ids } = await start(serverCount, newDatabase);
    const holds = counted(userCount).map(nameOf);
    const sequences = holds.map(() => 1);

    const rename = async (number: number, user: number, userName: string): Promise<Attempt> => {
      const request = { userId: text(ids[user]), userName };
      return { user, userName, reply: await call(number, methods.updateUserName, request) };
    };
    /** Whoever has the name, in capitals or not. */
    const holderOf = async (number: number, name: string) => {
      const loginName = number % 2 === 0 ? name : name.toUpperCase();
      const { body } = await call(number, methods.getUserByLoginNameGlobal, { loginName });
      return body === undefined ? undefined : object(body.user);
    };
    const note = ({ user, userName, reply }: Attempt) => {
      const { sequence } = object(reply.body?.details);
      expect(Number(sequence)).toBe((sequences[user] ?? 0) + 1);
      sequences[user] = Number(sequence);
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

      const answers = attempts.map(({ reply: { code, message } }) => `${code} ${message}`);
      expect([
        "0 ",
        "6 User already exists (V3-DKcYh)",
        "9 Username not changed (COMMAND-6m9gs)",
      ]).toEqual(expect.arrayContaining(answers));
      expect(answers).toEqual(expect.arrayContaining(["0 ", "6 User already exists (V3-DKcYh)"]));
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
