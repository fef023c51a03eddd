/**
 * The texts of the statements that write a batch. Each touches rows of the streams in `$1` alone, and says so, because
 * an engine that distributes rows by their stream then runs it whole where those streams are. For the same reason an
 * insert is never a part of another statement, and takes its streams from `heads`: only there does a head hold the
 * change that it was given before.
 */

const ofStreams = "stream = any ($1::text[])";

const headsText = `
  written as (
    update heads h set version = u.version, change = u.change, after = u.after,
      created_at = u.created_at, changed_at = u.changed_at, state = u.state, status = u.status
    from unnest(
      $1::text[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[],
      $8::text[]
    ) as u (stream, version, change, after, created_at, changed_at, state, status)
    where h.${ofStreams} and h.stream = u.stream and h.change = u.after
    returning h.stream
  )`;

const headValues = 8;

/** @param before Number of the values before those of keys. */
const keysText = (before: number) => {
  const texts = (place: number) => `$${before + place}::text[]`;
  const spaces = (place: number) => `$${before + place}::bigint[]`;
  return `
  gone as (
    delete from search_keys k
    using unnest(${texts(1)}, ${spaces(2)}, ${texts(3)}) as g (stream, space, folded)
    where k.${ofStreams} and k.stream in (select stream from written)
      and k.space = g.space and k.folded = g.folded and k.stream = g.stream
  ),
  moved as (
    update search_keys k set folded = m.next, text = m.text, rest = m.rest
    from unnest(${texts(4)}, ${spaces(5)}, ${texts(6)}, ${texts(7)}, ${texts(8)}, ${texts(9)})
      as m (stream, space, folded, next, text, rest)
    where k.${ofStreams} and k.stream in (select stream from written)
      and k.space = m.space and k.folded = m.folded and k.stream = m.stream
    returning k.stream, k.space
  )`;
};

const keyValues = 9;

/** @param before Number of the values before those of attributes. */
const attributesText = (before: number) => {
  const value = (place: number) => `$${before + place}::text[]`;
  return `
  cleared as (
    delete from attributes a where a.${ofStreams} and a.stream = any (${value(1)})
      and a.stream in (select stream from written)
  ),
  unset as (
    delete from attributes a using unnest(${value(2)}, ${value(3)}) as u (stream, key)
    where a.${ofStreams} and a.stream in (select stream from written)
      and a.stream = u.stream and a.key = u.key
  )`;
};

const attributeValues = 3;

/** @param before Number of the values before the one of erased streams. */
const erasedText = (before: number) => `
  forgotten as (
    update events e set data = '{}'
    where e.${ofStreams} and e.stream = any ($${before + 1}::text[])
      and e.stream in (select stream from written) and e.data <> '{}'
  )`;

/** What changes of heads bring beside the heads. */
export type Brought = {
  readonly keys: boolean;
  readonly attributes: boolean;
  readonly erased: boolean;
};

/**
 * An integer that cannot be computed if a condition holds. The statement then fails with the code
 * `invalidTextRepresentation`, and whoever reads the server's log reads why.
 *
 * @param condition Of columns, because the planner computes what is constant.
 */
export function failingIf(condition: string): string {
  return `(case when ${condition} then 'another change or repeat was faster' else '0' end)::integer`;
}

/** A statement without its values. */
export type Kind = { readonly name: string; readonly text: string };

/**
 * Its rows are what it did not do: the stream of a head that it did not write, or the stream and the space of a key that
 * was not where it should have been.
 *
 * @param isStrict Whether it fails instead, as `failingIf` does.
 */
export function advanceKind({ keys, attributes, erased }: Brought, isStrict: boolean): Kind {
  const name = `advance${keys ? "-keys" : ""}${attributes ? "-attributes" : ""}${erased ? "-erased" : ""}${isStrict ? "-strictly" : ""}`;
  return kindOf(name, () => {
    const beforeAttributes = headValues + (keys ? keyValues : 0);
    const beforeErased = beforeAttributes + (attributes ? attributeValues : 0);
    const parts = [
      headsText,
      ...(keys ? [keysText(headValues)] : []),
      ...(attributes ? [attributesText(beforeAttributes)] : []),
      ...(erased ? [erasedText(beforeErased)] : []),
    ];
    const undone = `select u.stream, null::bigint as space from unnest($1::text[]) as u (stream)
  where u.stream not in (select stream from written)${keys ? missedText : ""}`;
    const end = isStrict
      ? `select ${failingIf("count(*) > 0")} from (${undone}) as undone`
      : undone;
    return `with ${parts.join(",")}
  ${end}`;
  });
}

const missedText = `
  union all
  select m.stream, m.space from unnest($${headValues + 4}::text[], $${headValues + 5}::bigint[]) as m (stream, space)
  where m.stream in (select stream from written)
    and (m.stream, m.space) not in (select stream, space from moved)`;

/** Events, of heads that hold the last change of their chain. */
export const eventsKind: Kind = {
  name: "append-events",
  text: `insert into events (stream, version, change, type, data, creator, at, request)
    select h.stream, e.version, e.change, e.type, e.data, e.creator, e.at, e.request
    from heads h join unnest(
      $2::text[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::text[],
      $9::bigint[], $10::text[]
    ) as e (stream, last, version, change, type, data, creator, at, request)
      on h.stream = e.stream and h.change = e.last
    where h.${ofStreams}`,
};

/** As `eventsKind`, for changes that may be stored already: then the head holds the last change, too. */
export const eventsAgainKind: Kind = {
  name: "append-events-again",
  text: `${eventsKind.text} and not exists (
      select 1 from events s where s.stream = h.stream and s.version = e.version
    )`,
};

/** Search keys that appear, of heads that hold the last change of their chain. */
export const keysKind: Kind = {
  name: "append-keys",
  text: `insert into search_keys (space, folded, stream, text, rest)
    select c.space, c.folded, h.stream, c.text, c.rest
    from heads h join unnest(
      $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[]
    ) as c (stream, last, space, folded, text, rest)
      on h.stream = c.stream and h.change = c.last
    where h.${ofStreams}
    on conflict (space, folded, stream) do update set
      text = excluded.text, rest = excluded.rest`,
};

/** Attributes that are set, of heads that hold the last change of their chain. */
export const attributesKind: Kind = {
  name: "append-attributes",
  text: `insert into attributes
      (stream, key, organization, version, created_at, changed_at, digest, value)
    select h.stream, g.key, h.organization, g.version, g.created_at, g.changed_at, g.digest, g.value
    from heads h join unnest(
      $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[],
      $9::bytea[]
    ) as g (stream, last, key, version, created_at, changed_at, digest, value)
      on h.stream = g.stream and h.change = g.last
    where h.${ofStreams}
    on conflict (stream, key) do update set
      version = excluded.version, changed_at = excluded.changed_at,
      digest = excluded.digest, value = excluded.value`,
};

const kinds = new Map<string, Kind>();

/** The kind of this name; its text is made once. */
export function kindOf(name: string, text: () => string): Kind {
  const known = kinds.get(name);
  if (known !== undefined) return known;
  const kind = { name, text: text() };
  kinds.set(name, kind);
  return kind;
}
