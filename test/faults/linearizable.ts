import fc from "fast-check";
import { callers } from "../support/api/callers.ts";
import { object, text } from "../support/api/json.ts";
import { methods } from "../support/api/setting.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { profileOfNumber, profileText } from "./history/history.ts";

/** Servers of one database. Concurrent calls go to them in turn. */
export type Nodes = { readonly urls: readonly string[]; readonly token: string };

/**
 * Start servers on one database.
 *
 * @param database As the flag. Default: SQLite in a folder of its own, which takes one server.
 */
export async function startNodes(database: string | undefined, count: number) {
  const first = await startServer([], undefined, database);
  const others: TestServer[] = [];
  while (others.length < count - 1) {
    others.push(await startServer([], first.folder, first.database));
  }
  const servers = [first, ...others];
  return {
    urls: servers.map(({ url }) => url),
    token: first.adminToken,
    /** How many calls were answered so far. */
    calls: () => servers.reduce((sum, { records }) => sum + records.length, 0),
    async close() {
      for (const server of others) await server.stop();
      await first.close();
    },
  };
}

/** A user, as far as answers show it. */
type State = { readonly sequence: number; readonly profile: string };
type Model = Map<string, State>;
type Real = { readonly users: ReadonlyMap<string, string>; readonly nodes: Nodes };

/** One call to make. Profiles are numbered; with few numbers, several updates often want the same profile. */
type Wish =
  | { readonly kind: "read"; readonly user: string }
  | { readonly kind: "update"; readonly user: string; readonly number: number };

/** A call and its answer. */
type Answer = Wish & { readonly result: { kind: "done"; state: State } | { kind: "unchanged" } };

const people = ["one", "two"];
const user = fc.constantFrom("one", "one", ...people);
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), user }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("update" as const), user, number: fc.nat(3) }),
  },
);

/** A step of a history: some calls at once, which ends when all of them are answered. */
function atOnce(wishes: readonly Wish[], offset: number): fc.AsyncCommand<Model, Real> {
  return {
    check: () => true,
    async run(model, { users, nodes }) {
      const answers = await Promise.all(
        wishes.map((each, index) => call(nodes, users, each, index + offset)),
      );
      for (const person of people) {
        const before = model.get(person) as State;
        const own = answers.filter((each) => each.user === person);
        const after = explain(before, own);
        if (after === undefined) {
          throw new Error(`from ${JSON.stringify(before)} no order gives ${JSON.stringify(own)}`);
        }
        model.set(person, after);
      }
    },
    toString: () => JSON.stringify(wishes),
  };
}

const commands = fc.commands(
  [
    fc
      .tuple(fc.array(wish, { minLength: 1, maxLength: 6 }), fc.nat(20))
      .map(([wishes, offset]) => atOnce(wishes, offset)),
  ],
  { maxCommands: 12, size: "max" },
);

/**
 * Run random histories, each on users of its own. For the concurrent calls of each step, look for an order
 * in which one server that takes one call after another would have given the same answers.
 *
 * @throws Error with the shortest failing history that was found, and its seed.
 */
export async function linearizable(nodes: Nodes, histories: number, seed: number): Promise<void> {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(commands, async (history) => {
      count += 1;
      const imported = await Promise.all(
        people.map((person) => addUser(nodes, `${person} ${seed} ${count}`)),
      );
      await fc.asyncModelRun(
        () => ({
          model: new Map(people.map((person) => [person, first])),
          real: {
            nodes,
            users: new Map(people.map((person, index) => [person, imported[index] ?? ""])),
          },
        }),
        history,
      );
    }),
    { numRuns: histories, seed, endOnFailure: true },
  );
}

/** The state after all answers, in some order that explains them; `undefined` if there is none. */
export function explain(state: State, answers: readonly Answer[]): State | undefined {
  if (answers.length === 0) return state;
  for (const answer of answers) {
    const next = step(state, answer);
    const rest = answers.filter((other) => other !== answer);
    const last = next && explain(next, rest);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The state after the call, if a server that takes one call after another gives this answer; else `undefined`. */
function step(state: State, answer: Answer): State | undefined {
  const { result } = answer;
  if (answer.kind === "read") {
    return result.kind === "done" && isSame(result.state, state) ? state : undefined;
  }
  const wanted = { sequence: state.sequence + 1, profile: textOf(answer.number) };
  if (wanted.profile === state.profile) return result.kind === "unchanged" ? state : undefined;
  return result.kind === "done" && isSame(result.state, wanted) ? wanted : undefined;
}

const isSame = (a: State, b: State) => a.sequence === b.sequence && a.profile === b.profile;
const textOf = (number: number) => profileText(profileOfNumber(number));
const first: State = { sequence: 1, profile: textOf(0) };

/** @throws Error if the answer is neither a success nor "unchanged", because nothing else can happen here. */
async function call(
  { urls, token }: Nodes,
  users: ReadonlyMap<string, string>,
  wanted: Wish,
  turn: number,
): Promise<Answer> {
  const caller = callers[turn % callers.length];
  const url = urls[turn % urls.length] ?? "";
  const userId = users.get(wanted.user) ?? "";
  const [method, request] =
    wanted.kind === "read"
      ? [methods.getHumanProfile, { userId }]
      : [methods.updateHumanProfile, { userId, ...profileOfNumber(wanted.number) }];
  const reply = await caller?.call(url, method, request, { token });
  if (reply?.body !== undefined) {
    const { details, profile } = reply.body;
    const sequence = Number(object(details).sequence);
    const seen = wanted.kind === "read" ? profileText(object(profile)) : textOf(wanted.number);
    return { ...wanted, result: { kind: "done", state: { sequence, profile: seen } } };
  }
  if (reply?.details.some(({ value }) => value.reason === "PROFILE_NOT_CHANGED")) {
    return { ...wanted, result: { kind: "unchanged" } };
  }
  throw new Error(`${caller?.name}: ${reply?.code} ${reply?.message}`);
}

async function addUser({ urls, token }: Nodes, userName: string): Promise<string> {
  const request = {
    userName,
    profile: profileOfNumber(0),
    email: { email: "some@giraffe.example" },
  };
  const reply = await callers[0]?.call(urls[0] ?? "", methods.importHumanUser, request, { token });
  if (reply?.body === undefined) throw new Error(`cannot add a user: ${reply?.message}`);
  return text(reply.body.userId);
}
