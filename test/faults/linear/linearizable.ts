import fc from "fast-check";
import { type Caller, callers } from "../../support/api/callers.ts";
import { text } from "../../support/api/json.ts";
import { methods } from "../../support/api/setting.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { profileOfNumber } from "../history/history.ts";
import { call, type Nodes, type Scene, textOf, untilAnswered } from "./call.ts";
import { type Answer, explain, type World } from "./model.ts";
import { people, planned, type Wish, wishes } from "./wish.ts";

/**
 * Start servers on one database.
 *
 * @param database As the flag. Default: SQLite in a folder of its own, which takes one server.
 * @param ofOthers What all servers but the first one are given for it. Default: the same.
 */
export async function startNodes(
  database: string | undefined,
  count: number,
  ofOthers: string | undefined = database,
) {
  const first = await startServer([], undefined, database);
  const others: TestServer[] = [];
  while (others.length < count - 1) {
    others.push(await startServer([], first.folder, ofOthers ?? first.database));
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

/** How many answers of each kind there were. */
export type Tally = Record<Answer["result"]["kind"] | "replayed" | "lost", number>;

type Model = { world: World };
type Real = { readonly scene: Scene; readonly nodes: Nodes; readonly tally: Tally };

/** A step of a history: some calls at once, which ends when all of them are answered. */
function atOnce(step: readonly Wish[], offset: number): fc.AsyncCommand<Model, Real> {
  return {
    check: () => true,
    async run(model, { scene, nodes, tally }) {
      const before = model.world;
      const answers = await Promise.all(
        planned(before, step).map((each, index) => call(nodes, scene, each, index + offset)),
      );
      for (const answer of answers) count(tally, answer);
      const after = explain(before, answers, textOf);
      if (after === undefined) {
        throw new Error(`from ${worldText(before)} no order gives ${JSON.stringify(answers)}`);
      }
      model.world = after;
    },
    toString: () => JSON.stringify(step),
  };
}

function count(tally: Tally, answer: Answer): void {
  tally[answer.result.kind] += 1;
  if (answer.isReplayed) tally.replayed += 1;
  if (answer.kind === "update" && answer.wasLost) tally.lost += 1;
}

const worldText = ({ users, keys }: World) => JSON.stringify([[...users], [...keys]]);

const commands = fc.commands(
  [fc.tuple(wishes, fc.nat(20)).map(([step, offset]) => atOnce(step, offset))],
  { maxCommands: 12, size: "max" },
);

/** A lost attempt that takes effect after all, or an answer that was not stored, shows here. */
const lastLook = people.map((user): Wish => ({ kind: "read", user }));

const firstWorld: World = {
  users: new Map(people.map((person) => [person, { sequence: 1, profile: textOf(0) }])),
  keys: new Map(),
};

/**
 * Run random histories, each on users and keys of its own. For the concurrent calls of each step, look for an
 * order in which one server that takes one call after another would have given the same answers.
 *
 * @throws Error with the shortest failing history that was found, and its seed.
 */
export async function linearizable(
  nodes: Nodes,
  histories: number,
  seed: number,
): Promise<Readonly<Tally>> {
  const tally = { done: 0, unchanged: 0, mismatch: 0, reused: 0, replayed: 0, lost: 0 };
  let number = 0;
  await fc.assert(
    fc.asyncProperty(commands, async (history) => {
      number += 1;
      const name = `${seed} ${number}`;
      const ids = await Promise.all(people.map((person) => addUser(nodes, `${person} ${name}`)));
      const users = new Map(people.map((person, index) => [person, ids[index] ?? ""]));
      const model: Model = { world: firstWorld };
      const real = { nodes, scene: { name, users }, tally };
      await fc.asyncModelRun(() => ({ model, real }), history);
      for (const turn of nodes.urls.keys()) await atOnce(lastLook, turn).run(model, real);
    }),
    { numRuns: histories, seed, endOnFailure: true },
  );
  return tally;
}

async function addUser(nodes: Nodes, userName: string): Promise<string> {
  const { urls, token } = nodes;
  const request = {
    userName,
    profile: profileOfNumber(0),
    email: { email: "some@giraffe.example" },
  };
  const adding = callers[0] as Caller;
  const headers = { "idempotency-key": `"${userName}"` };
  const { reply } = await untilAnswered(nodes, () =>
    adding.call(urls[0] ?? "", methods.importHumanUser, request, { token, headers }),
  );
  if (reply.body === undefined) throw new Error(`cannot add a user: ${reply.message}`);
  return text(reply.body.userId);
}
