import { eventRows } from "../../change/append-row.ts";
import { combined } from "../../search/key-changes.ts";
import { keyParts } from "../../search/key-parts.ts";
import type { PipelineStatement, TextRow } from "../connection/pipeline.ts";
import {
  type ColumnValues,
  integers,
  texts,
  uuids,
  type WireValue,
} from "../connection/wire-values.ts";
import { type KeyTexts, keyBytes, keyTexts } from "../keys/key-rows.ts";
import { keySpaceNumber } from "../keys/key-space.ts";
import { type Chain, lastOf, streamOf } from "./append-batch.ts";
import { advanceKind, eventsAgainKind, eventsKind, keysKind } from "./append-text.ts";
import { attributesStatements, goneAttributes } from "./attribute-statements.ts";
import { insertRows, insertStrictly } from "./insert-rows.ts";

/** Statements that write the heads of chains, and whatever belongs to a head. */
export type HeadWrite = {
  readonly statements: readonly PipelineStatement[];
  /** @param results Of the statements. */
  readonly doneFrom: (results: readonly TextRow[][]) => Done;
};

/** What the statements did. */
type Done = {
  /** Streams whose heads were not written, because they were not those that the change was decided on. */
  readonly unwritten: ReadonlySet<string>;
  /** Writes search keys whose old ones were not there. */
  readonly repair: readonly PipelineStatement[];
};

/**
 * Write chains of different streams.
 *
 * @param isAgain Whether they may be stored already.
 */
export function writeHeads(chains: readonly Chain[], isAgain: boolean): HeadWrite {
  const parts = partsOf(chains);
  const { added, movedKeys } = parts;
  const inserts = insertRows("heads", added.map(headValues));
  const advances = advanceStatements(parts, false);
  const statements = [...inserts, ...advances, ...statementsOfHeads(parts, isAgain)];
  return {
    statements: chains.length === 0 ? [] : statements,
    doneFrom(results) {
      const insertedStreams = new Set(
        results
          .slice(0, inserts.length)
          .flat()
          .map(([of]) => of),
      );
      const refused = advances.length === 0 ? [] : (results[inserts.length] ?? []);
      const missed = new Set(
        refused.flatMap(([of, space]) => (space === null ? [] : [`${space} ${of}`])),
      );
      const repairs = movedKeys.filter(({ space, stream }) => missed.has(`${space} ${stream}`));
      return {
        unwritten: new Set([
          ...added.map(streamOf).filter((stream) => !insertedStreams.has(stream)),
          ...refused.flatMap(([of, space]) => (space === null ? [String(of)] : [])),
        ]),
        repair: keysStatements(repairs),
      };
    },
  };
}

/**
 * As `writeHeads`. If a head cannot be written, or a search key is not where it should be, a statement fails as
 * `failingIf` says.
 */
export function writeHeadsStrictly(chains: readonly Chain[]): PipelineStatement[] {
  if (chains.length === 0) return [];
  const parts = partsOf(chains);
  return [
    ...insertStrictly("heads", parts.added.map(headValues)),
    ...advanceStatements(parts, true),
    ...statementsOfHeads(parts, false),
  ];
}

/** What chains write, in the order of their streams. */
type Parts = {
  readonly chains: readonly Chain[];
  /** The chains of new streams, and the others. */
  readonly added: readonly Chain[];
  readonly advanced: readonly Chain[];
  readonly keys: readonly KeyMove[];
  readonly movedKeys: readonly KeyMove[];
};

/** In the order of their streams: otherwise two nodes could wait for each other. */
export function inOrder(chains: readonly Chain[]): Chain[] {
  return chains.toSorted((a, b) => (a.rows[0].stream < b.rows[0].stream ? -1 : 1));
}

function partsOf(unsorted: readonly Chain[]): Parts {
  const chains = inOrder(unsorted);
  const keys = chains.flatMap(keyMoves);
  return {
    chains,
    added: chains.filter(({ rows: [first] }) => first.after === undefined),
    advanced: chains.filter(({ rows: [first] }) => first.after !== undefined),
    keys,
    movedKeys: keys.filter(({ from, to }) => from !== undefined && to !== undefined),
  };
}

/** What only heads that were written bring. */
function statementsOfHeads({ chains, keys }: Parts, isAgain: boolean): PipelineStatement[] {
  return [
    eventsStatement(chains, isAgain),
    ...keysStatements(keys.filter(({ from }) => from === undefined)),
    ...attributesStatements(chains),
  ];
}

/** The values of a head, in the order of the columns of `insertRows`. */
function headValues(chain: Chain): WireValue[] {
  const [{ stream, organization, createdAt }] = chain.rows;
  const { version, change, changedAt, state, status } = lastOf(chain);
  return [stream, organization, version, change, createdAt, changedAt, state, status];
}

function advanceStatements(
  { advanced: chains, keys, movedKeys: moved }: Parts,
  isStrict: boolean,
): PipelineStatement[] {
  if (chains.length === 0) return [];
  const streams = new Set(chains.map(streamOf));
  const gone = keys.filter(({ to, stream }) => to === undefined && streams.has(stream));
  const attributes = goneAttributes(chains);
  const erased = chains.filter(({ rows: [first] }) => first.erases).map(streamOf);
  const brought = {
    keys: gone.length + moved.length > 0,
    attributes: attributes.length > 0,
    erased: erased.length > 0,
  };
  const lasts = chains.map(lastOf);
  const values = [
    texts(chains.map(streamOf)),
    integers(lasts.map(({ version }) => version)),
    uuids(lasts.map(({ change }) => change)),
    uuids(chains.map(({ rows: [first] }) => first.after ?? null)),
    integers(chains.map(({ rows: [first] }) => first.createdAt)),
    integers(lasts.map(({ changedAt }) => changedAt)),
    texts(lasts.map(({ state }) => state)),
    texts(lasts.map(({ status }) => status)),
    ...(brought.keys ? keyValues(gone, moved) : []),
    ...attributes,
    ...(brought.erased ? [texts(erased)] : []),
  ];
  return [{ ...advanceKind(brought, isStrict), values }];
}

function eventsStatement(chains: readonly Chain[], isAgain: boolean): PipelineStatement {
  const events = chains.flatMap((chain) => {
    const last = lastOf(chain).change;
    return eventRows(chain.rows).map((row) => ({ last, row }));
  });
  return {
    ...(isAgain ? eventsAgainKind : eventsKind),
    values: [
      texts(chains.map(streamOf)),
      texts(events.map(({ row: [stream] }) => stream)),
      uuids(events.map(({ last }) => last)),
      integers(events.map(({ row: [, version] }) => version)),
      uuids(events.map(({ row: [, , change] }) => change)),
      texts(events.map(({ row: [, , , type] }) => type)),
      texts(events.map(({ row: [, , , , data] }) => data)),
      texts(events.map(({ row: [, , , , , creator] }) => creator)),
      integers(events.map(({ row: [, , , , , , at] }) => at)),
      texts(events.map(({ row: [, , , , , , , request] }) => request)),
    ],
  };
}

/** A change of a search key, by the texts that the index holds. */
export type KeyMove = {
  readonly stream: string;
  /** The last change of its chain. */
  readonly last: string;
  readonly space: bigint;
  readonly from: string | undefined;
  readonly to: KeyTexts | undefined;
};

/** What the rows of a chain change of search keys, taken together. */
export function keyMoves(chain: Chain): KeyMove[] {
  const { rows } = chain;
  const [{ stream, organization }] = rows;
  const last = lastOf(chain).change;
  return combined(rows.map(({ keys }) => keys)).map(([name, before, after, text]) => ({
    stream,
    last,
    space: keySpaceNumber(organization, name),
    from: before === undefined ? undefined : keyParts(before, keyBytes).folded,
    to: after === undefined ? undefined : keyTexts(after, text),
  }));
}

function keyValues(gone: readonly KeyMove[], moved: readonly KeyMove[]): ColumnValues[] {
  return [
    texts(gone.map(({ stream }) => stream)),
    integers(gone.map(({ space }) => space)),
    texts(gone.map(({ from }) => from ?? null)),
    texts(moved.map(({ stream }) => stream)),
    integers(moved.map(({ space }) => space)),
    texts(moved.map(({ from }) => from ?? null)),
    ...keyTextValues(moved),
  ];
}

/** The values of `folded`, `text` and `rest` of search keys. */
export function keyTextValues(keys: readonly KeyMove[]): ColumnValues[] {
  return [
    texts(keys.map(({ to }) => to?.folded ?? null)),
    texts(keys.map(({ to }) => to?.text ?? null)),
    texts(keys.map(({ to }) => to?.rest ?? null)),
  ];
}

/** Statements that insert search keys, where a head holds the last change of its chain. */
export function keysStatements(keys: readonly KeyMove[]): PipelineStatement[] {
  const come = keys.filter(({ to }) => to !== undefined);
  if (come.length === 0) return [];
  const streams = come.map(({ stream }) => stream);
  return [
    {
      ...keysKind,
      values: [
        texts([...new Set(streams)]),
        texts(streams),
        uuids(come.map(({ last }) => last)),
        integers(come.map(({ space }) => space)),
        ...keyTextValues(come),
      ],
    },
  ];
}
