import { createBatcher } from "../../change/batch/batcher.ts";
import { StoreUnavailableError } from "../../event-store.ts";
import { SearchTooBroadError } from "../../search.ts";
import type { HangingNodes } from "../cluster/hanging-nodes.ts";
import type { Connection } from "../connection/connection.ts";
import type { TextRow } from "../connection/pipeline.ts";
import type { WireValue } from "../connection/wire-values.ts";
import { sqlState, sqlStateOf } from "../postgres-error.ts";
import { createLanes } from "./lanes.ts";
import { createPartLink, type PartStatement } from "./part-link.ts";
import type { Part, ShardMap } from "./shard-map.ts";

/** A statement that is asked of one part. */
export type PartQuestion = {
  readonly part: Part;
  /** With the names that the tables have as a whole. */
  readonly text: string;
  readonly values: readonly WireValue[];
};

/**
 * Reads parts of tables at the servers where they stand, past the engine, which would plan each statement anew and send
 * it on: that costs several times what the statement itself does.
 *
 * In the same go the server is asked whether the parts still stand there. So a part that was moved is not read where
 * nothing is written any more.
 */
export type PartReads = {
  /**
   * @returns The rows of each statement; `undefined`: the engine must be asked, because a server cannot be reached, or
   *   a part has been moved.
   */
  ask(questions: readonly PartQuestion[]): Promise<readonly TextRow[][] | undefined>;
  /**
   * The same for statements that take long, on connections of their own.
   *
   * @param signal If it is aborted, the statements are cancelled, and this rejects with the signal's reason.
   * @throws SearchTooBroadError if one takes longer than a statement may.
   */
  scan(
    questions: readonly PartQuestion[],
    signal: AbortSignal | undefined,
  ): Promise<readonly TextRow[][] | undefined>;
  /** Close the connections to all other servers: they have no parts any more. */
  keep(servers: ReadonlySet<string>): void;
  close(): Promise<void>;
};

/** Connections to a server for statements that are soon answered. */
const connectionsPerServer = 2;

/**
 * Statements that wait on a connection before the next one is used, too. What is sent in one go costs less than what
 * is sent by itself.
 */
const enoughWaiting = 32;

/** Different statements that servers keep a plan of, for each of their parts. Others are planned each time. */
const maxPlanned = 64;

/** What a connection is for: statements that are soon answered, or such that take long. */
type Use = "ask" | "scan";

type Options = {
  readonly connect: (server: string, use: Use) => Promise<Connection>;
  readonly shards: Pick<ShardMap, "renew">;
  readonly hanging: Pick<HangingNodes, "guard">;
};

export function createPartReads({ connect, shards, hanging }: Options): PartReads {
  const nameOf = createNames();
  const servers = createLanes((server) => createServer((use) => connect(server ?? "", use)));

  async function askAll(
    questions: readonly PartQuestion[],
    send: (server: Server, statements: readonly PartStatement[]) => Promise<TextRow[][]>,
    use: Use,
  ): Promise<readonly TextRow[][] | undefined> {
    const ofServers = Map.groupBy(questions, ({ part }) => part.server);
    const asked = [...ofServers].map(([name, own]) => ({ server: servers.get(name), own }));
    if (asked.map(({ server }) => server.isReady(use)).includes(false)) return undefined;
    const answers = await Promise.allSettled(
      asked.map(async ({ server, own }) => {
        const statements = own.map((each) => statementOf(each, use === "ask" ? nameOf : undefined));
        const rows = await hanging.guard(own[0]?.part.node, () => send(server, statements));
        return own.map((each, place) => [each, rows[place] ?? []] as const);
      }),
    );
    const failed = answers.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const rows = new Map(
      answers.flatMap((each) => (each.status === "fulfilled" ? each.value : [])),
    );
    return questions.map((each) => rows.get(each) ?? []);
  }

  return {
    async ask(questions) {
      try {
        const send = async (server: Server, statements: readonly PartStatement[]) =>
          Promise.all(statements.map((each) => server.ask(each)));
        return await askAll(questions, send, "ask");
      } catch {
        shards.renew();
        return undefined;
      }
    },

    async scan(questions, signal) {
      try {
        return await askAll(questions, (server, each) => server.scan(each, signal), "scan");
      } catch (error) {
        signal?.throwIfAborted();
        if (sqlStateOf(error) === sqlState.queryCanceled) {
          throw new SearchTooBroadError("the search took too long", { cause: error });
        }
        shards.renew();
        return undefined;
      }
    },

    keep: (wanted) => servers.keep((server) => wanted.has(server)),

    close: servers.close,
  };
}

/** Gives a name to each of the first texts. */
function createNames() {
  const names = new Map<string, string>();
  return (text: string) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= maxPlanned) return known;
    const name = `part-${names.size}`;
    names.set(text, name);
    return name;
  };
}

function statementOf(
  { part, text, values }: PartQuestion,
  nameOf: (text: string) => string | undefined = () => undefined,
): PartStatement {
  const name = nameOf(text);
  return {
    name: name && `${name}-${part.shard}`,
    text: text.replace(tableNames, (table) => part.names[table] ?? table),
    values,
    shard: part.shard,
  };
}

/** Those of `partedTables`. */
const tableNames = /\b(?:heads|search_keys|head_counts|attributes)\b/g;

type Server = ReturnType<typeof createServer>;

/** The connections to a server. They are opened when it is first asked, and nobody waits for that. */
function createServer(connect: (use: Use) => Promise<Connection>) {
  const asking = Array.from({ length: connectionsPerServer }, () => {
    const link = createPartLink(() => connect("ask"));
    // Nothing is asked again one by one: the engine is asked instead.
    const batcher = createBatcher((statements: readonly PartStatement[]) =>
      link.run(statements).catch((cause: unknown) => {
        throw new StoreUnavailableError("parts cannot be read", { cause });
      }),
    );
    return { link, batcher, waiting: 0 };
  });
  const scanning = createPartLink(() => connect("scan"));

  return {
    /** All that are not open begin to connect. */
    isReady: (use: Use) =>
      (use === "scan" ? [scanning] : asking.map(({ link }) => link))
        .map((link) => link.isReady())
        .every(Boolean),

    async ask(statement: PartStatement): Promise<TextRow[]> {
      const least =
        asking.find(({ waiting }) => waiting < enoughWaiting) ??
        asking.reduce((best, next) => (next.waiting < best.waiting ? next : best));
      least.waiting += 1;
      try {
        return await least.batcher.add(statement, "");
      } finally {
        least.waiting -= 1;
      }
    },

    scan: (statements: readonly PartStatement[], signal: AbortSignal | undefined) =>
      scanning.run(statements, signal),

    async close() {
      await Promise.all(asking.map(({ batcher }) => batcher.close()));
      await Promise.all([...asking.map(({ link }) => link), scanning].map((each) => each.close()));
    },
  };
}
