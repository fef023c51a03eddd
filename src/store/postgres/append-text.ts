/**
 * The texts of the statement that writes a batch. Values are numbered from 1: those of heads, events and search
 * keys, then those of unique keys, of attributes, of receipts, of erased streams and of counts, each if there are any.
 */

const batch = `
  batch as (
    select * from unnest(
      $1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[],
      $8::text[], $9::text[]
    ) as b (stream, organization, version, change, after, created_at, changed_at, state, status)
  ),
  latest as (
    select * from batch b
    where (select h.change from heads h where h.stream = b.stream) is not distinct from b.after
  )`;

const written = (condition: string) => `
  written as (
    insert into heads
      (stream, organization, version, change, after, created_at, changed_at, state, status)
    select stream, organization, version, change, after, created_at, changed_at, state, status
    from latest ${condition} order by stream
    on conflict (stream) do update set
      version = excluded.version, change = excluded.change, after = excluded.after,
      created_at = excluded.created_at, changed_at = excluded.changed_at, state = excluded.state,
      status = excluded.status
    where heads.change = excluded.after
    returning stream
  ),
  logged as (
    insert into events (stream, version, change, type, data, creator, at, request)
    select e.* from unnest(
      $10::text[], $11::bigint[], $12::uuid[], $13::text[], $14::text[], $15::text[], $16::bigint[],
      $17::text[]
    ) as e (stream, version, change, type, data, creator, at, request)
    where e.stream in (select stream from written)
  ),
  unlisted as (
    delete from search_keys k using unnest(
      $18::bigint[], $19::text[], $20::text[]
    ) as g (space, folded, stream)
    where k.space = g.space and k.folded = g.folded and k.stream = g.stream
      and g.stream in (select stream from written)
  ),
  listed as (
    insert into search_keys (space, folded, stream, text, rest)
    select c.* from unnest(
      $21::bigint[], $22::text[], $23::text[], $24::text[], $25::text[]
    ) as c (space, folded, stream, text, rest)
    where c.stream in (select stream from written)
    on conflict (space, folded, stream) do update set
      text = excluded.text, rest = excluded.rest
  )`;

const sharedValues = 25;
const uniqueKeyValues = 3;
const attributeValues = 12;
const receiptValues = 6;
const erasedValues = 1;

const uniqueKeys = `
  wanted as (select * from unnest($27::text[], $28::text[]) as w (stream, name)),
  taken as (
    select w.stream from wanted w
    where (select c.stream from claims c where c.name = w.name) <> w.stream
  )`;

/** If another transaction takes a key after `claims` was read, the insert violates the primary key. */
const claimed = `
  released as (
    delete from claims c
    where c.stream = any ($26::text[]) and c.stream in (select stream from written)
      and not exists (select 1 from wanted w where w.stream = c.stream and w.name = c.name)
  ),
  claimed as (
    insert into claims (name, stream)
    select w.name, w.stream from wanted w
    where w.stream in (select stream from written)
      and (select c.stream from claims c where c.name = w.name) is null
    order by w.name
  )`;

/** @param before Number of the values before those of attributes. */
const attributes = (before: number) => {
  const value = (place: number) => `$${before + place}`;
  return `
  cleared as (
    delete from attributes a using unnest(${value(1)}::text[]) as c (stream)
    where a.stream = c.stream and c.stream in (select stream from written)
  ),
  unset as (
    delete from attributes a using unnest(${value(2)}::text[], ${value(3)}::text[]) as u (stream, key)
    where a.stream = u.stream and a.key = u.key and u.stream in (select stream from written)
  ),
  given as (
    select * from unnest(
      ${value(4)}::text[], ${value(5)}::text[], ${value(6)}::text[], ${value(7)}::bigint[],
      ${value(8)}::bigint[], ${value(9)}::bigint[], ${value(10)}::bytea[], ${value(11)}::bytea[],
      ${value(12)}::boolean[]
    ) as g (stream, key, organization, version, created_at, changed_at, digest, value, is_new)
  ),
  attributed as (
    insert into attributes
      (stream, key, organization, version, created_at, changed_at, digest, value)
    select g.stream, g.key, g.organization, g.version, g.created_at, g.changed_at, g.digest, g.value
    from given g where g.stream in (select stream from written)
    on conflict (stream, key) do update set
      version = excluded.version, changed_at = excluded.changed_at,
      digest = excluded.digest, value = excluded.value,
      created_at = case when (
        select g.is_new from given g where g.stream = excluded.stream and g.key = excluded.key
      ) then excluded.created_at else attributes.created_at end
  )`;
};

/** @param before Number of the values before those of receipts. */
const given = (before: number) => {
  const value = (place: number) => `$${before + place}`;
  return `
  noted as (
    select * from unnest(
      ${value(1)}::text[], ${value(2)}::text[], ${value(3)}::text[], ${value(4)}::text[],
      ${value(5)}::bigint[], ${value(6)}::bytea[]
    ) as n (chain, owner, name, stream, at, content)
  ),
  spent as (
    select n.chain, n.owner, n.name from noted n
    where (select 1 from receipts r where r.owner = n.owner and r.name = n.name) is not null
  )`;
};

/** If another transaction takes a name after `receipts` was read, the insert violates the primary key. */
const kept = `
  kept as (
    insert into receipts (owner, name, stream, at, content)
    select n.owner, n.name, n.stream, n.at, n.content from noted n
    where n.chain in (select stream from written)
      or (n.chain is null and (
        select 1 from receipts r where r.owner = n.owner and r.name = n.name
      ) is null)
    order by n.owner, n.name
  )`;

/**
 * Sees the rows from before the statement, so the events and the receipt that come with it stay as they are.
 *
 * @param before Number of the values before the one of erased streams.
 */
const forgotten = (before: number) => {
  const streams = `$${before + 1}::text[]`;
  return `
  erased as (select * from unnest(${streams}) as e (stream) where stream in (select stream from written)),
  forgotten as (
    update events e set data = '{}' from erased x where e.stream = x.stream and e.data <> '{}'
  ),
  returned as (delete from receipts r using erased x where r.stream = x.stream),
  disowned as (delete from lost_claims l using erased x where l.stream = x.stream)`;
};

/**
 * Adds rows and changes none, so that no transaction waits for another one's: see the table.
 *
 * @param before Number of the values before those of counts.
 */
const counted = (before: number) => {
  const value = (place: number) => `$${before + place}`;
  return `
  counted as (
    insert into head_counts (organization, status, stream, change, total)
    select organization, status, min(stream), (array_agg(change))[1], sum(total)
    from unnest(
      ${value(1)}::text[], ${value(2)}::text[], ${value(3)}::text[], ${value(4)}::uuid[],
      ${value(5)}::bigint[]
    ) as n (organization, status, stream, change, total)
    where stream in (select stream from written)
    group by organization, status having sum(total) <> 0
  )`;
};

const isTaken = "stream in (select stream from taken) and stream in (select stream from latest)";

const refused = ({ uniqueKeys, receipts }: Brought) => {
  const taken = uniqueKeys ? isTaken : "false";
  if (!receipts) {
    return `
  select stream, ${taken} as taken from batch where stream not in (select stream from written)`;
  }
  return `
  select stream, ${taken} as taken, null as owner, null as name
  from batch where stream not in (select stream from written)
  union all select null, false, owner, name from spent`;
};

/** What a batch brings beside heads, events and search keys. */
export type Brought = {
  readonly uniqueKeys: boolean;
  readonly attributes: boolean;
  readonly receipts: boolean;
  readonly erased: boolean;
  readonly counts: boolean;
};

function textOf(brought: Brought): string {
  const beforeAttributes = sharedValues + (brought.uniqueKeys ? uniqueKeyValues : 0);
  const beforeReceipts = beforeAttributes + (brought.attributes ? attributeValues : 0);
  const beforeErased = beforeReceipts + (brought.receipts ? receiptValues : 0);
  const beforeCounts = beforeErased + (brought.erased ? erasedValues : 0);
  const conditions = [
    ...(brought.uniqueKeys ? ["stream not in (select stream from taken)"] : []),
    ...(brought.receipts
      ? ["stream not in (select chain from spent where chain is not null)"]
      : []),
  ];
  const parts = [
    batch,
    ...(brought.uniqueKeys ? [uniqueKeys] : []),
    ...(brought.receipts ? [given(beforeReceipts)] : []),
    written(conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`),
    ...(brought.uniqueKeys ? [claimed] : []),
    ...(brought.attributes ? [attributes(beforeAttributes)] : []),
    ...(brought.receipts ? [kept] : []),
    ...(brought.erased ? [forgotten(beforeErased)] : []),
    ...(brought.counts ? [counted(beforeCounts)] : []),
  ];
  return `
  with ${parts.join(",")}${refused(brought)}`;
}

const kinds = new Map<string, { readonly name: string; readonly text: string }>();

/** The name and the text of the statement for a batch. */
export function appendKind(brought: Brought): { readonly name: string; readonly text: string } {
  const { uniqueKeys, attributes, receipts, erased, counts } = brought;
  const name = `append${uniqueKeys ? "-unique-keys" : ""}${attributes ? "-attributes" : ""}${
    receipts ? "-receipts" : ""
  }${erased ? "-erased" : ""}${counts ? "-counts" : ""}`;
  const known = kinds.get(name);
  if (known !== undefined) return known;
  const kind = { name, text: textOf(brought) };
  kinds.set(name, kind);
  return kind;
}
