import { createHash } from "node:crypto";

/** Organizations whose numbers are remembered. */
const maxRemembered = 10_000;

const remembered = new Map<string, Map<string, bigint>>();

/** As text, because it has 64 bits; see `keySpaceNumber`. */
export function keySpace(organization: string, name: string): string {
  return String(keySpaceNumber(organization, name));
}

/**
 * The number that stands for a key of an organization in `search_keys`. It is made
 * from both names alone, so no table has it and no transaction waits for another to choose one. Two keys of a million
 * organizations have the same number with a probability of one to a million; a page then never shows a stream of
 * another organization, because heads are read by organization.
 */
export function keySpaceNumber(organization: string, name: string): bigint {
  let names = remembered.get(organization);
  if (names === undefined) {
    if (remembered.size >= maxRemembered) remembered.clear();
    names = new Map();
    remembered.set(organization, names);
  }
  let space = names.get(name);
  if (space === undefined) {
    space = spaceOf(organization, name);
    // The names come from the program, not from callers, so they are few.
    names.set(name, space);
  }
  return space;
}

function spaceOf(organization: string, name: string): bigint {
  const digest = createHash("sha256").update(`${name}:${organization}`).digest();
  return digest.readBigInt64BE(0);
}

/** The same in SQL, of the column `organization`. */
export function keySpaceSql(name: string): string {
  const text = `'${name.replaceAll("'", "''")}:' || organization`;
  const digits = `left(encode(sha256(convert_to(${text}, 'UTF8')), 'hex'), 16)`;
  return `('x' || ${digits})::bit(64)::bigint`;
}
