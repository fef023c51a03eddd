import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { objectOf, textOf } from "../fields.ts";
import type { NewOrganization } from "../import/new-organizations.ts";
import { keyOfLines, openInputFile, type PreparedSource } from "../import/prepared-source.ts";
import { type TextLine, textLines } from "../import/text-lines.ts";
import { objectFrom } from "../line/user-line.ts";
import { linesOf, unreadable } from "../lines-of.ts";
import { createLosses, type Losses } from "../losses.ts";
import { createMeter } from "../meter.ts";
import { personLine } from "./person-line.ts";
import { stateFrom } from "./states.ts";

/**
 * Rows of ZITADEL's projection of users as lines of JSON, as lines of an import. `docs/zitadel.md` has the
 * statement. The file is read twice, because its organizations are made first.
 *
 * @param now For organizations, whose dates are not in the rows.
 * @throws BulkError if it cannot be read.
 */
export async function openZitadelUsers(input: string, now: number): Promise<PreparedSource> {
  const file = await openInputFile(input);
  const losses = createLosses();
  const meter = createMeter("bytes", file.size);
  const organizations = new Map<string, NewOrganization>();
  let users = 0;
  try {
    for await (const { lines, bytes } of textLines(file.chunks())) {
      users += lines.length;
      for (const line of lines) noteOrganization(line, organizations, now);
      meter.show(bytes, bytes);
    }
  } finally {
    meter.end();
  }
  const lines = () => {
    losses.clear();
    return linesOf(people(file.chunks(), losses));
  };
  return {
    key: await keyOfLines(lines()),
    size: undefined,
    lines: users,
    organizations: [...organizations.values()],
    chunks: lines,
    losses,
    close() {},
  };
}

function noteOrganization(
  { text }: TextLine,
  known: Map<string, NewOrganization>,
  createdAt: number,
): void {
  try {
    const { resource_owner: owner, organization_name: name } = objectFrom(text ?? "");
    const id = textOf(owner);
    if (id !== "" && !known.has(id)) known.set(id, { id, name: textOf(name) || id, createdAt });
  } catch {
    // The line is rejected when the people are read.
  }
}

async function* people(
  chunks: AsyncIterable<Buffer>,
  losses: Losses,
): AsyncGenerator<readonly object[]> {
  for await (const { lines } of textLines(chunks)) {
    yield lines.flatMap((line) => lineOf(line, losses) ?? []);
  }
}

function lineOf({ number, text }: TextLine, losses: Losses): object | undefined {
  try {
    if (text === undefined) throw new Error("it is too long, or not UTF-8");
    const row = objectFrom(text);
    const state = stateFrom(row.state);
    if (state === undefined) throw new Error("the state is unknown");
    if ("isGone" in state) return void losses.add("removed people");
    if (row.type === 2) return void losses.add("service accounts");
    const person = personLine(textOf(row.id), textOf(row.resource_owner), requestOf(row), losses);
    return { ...person, ...state, ...metadataOf(row), ...originOf(row) };
  } catch (error) {
    return unreadable(`line ${number}: ${error instanceof Error ? error.message : error}`);
  }
}

/** A row in the form of an ImportHumanUserRequest. */
function requestOf(row: JsonObject): JsonObject {
  return {
    userName: textOf(row.username),
    profile: {
      firstName: textOf(row.first_name),
      lastName: textOf(row.last_name),
      nickName: textOf(row.nick_name),
      displayName: textOf(row.display_name),
      preferredLanguage: textOf(row.preferred_language),
      gender: row.gender ?? null,
    },
    email: { email: textOf(row.email), isEmailVerified: flagOf(row.is_email_verified) },
    phone: { phone: textOf(row.phone), isPhoneVerified: flagOf(row.is_phone_verified) },
  };
}

function metadataOf({ metadata }: JsonObject): JsonObject {
  if (!Array.isArray(metadata)) return {};
  const entries = metadata.map(objectOf);
  return {
    metadata: entries.map(({ key, value }) => ({ key: textOf(key), value: textOf(value) })),
  };
}

function originOf(row: JsonObject): JsonObject {
  return {
    sequence: plain("sequence", row.sequence),
    creationDate: plain("creation_date", row.creation_date),
    changeDate: plain("change_date", row.change_date),
  };
}

/** @throws Error if the column holds a list or an object, which may be nested too deep to be written again. */
function plain(name: string, value: JsonValue = null): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  throw new Error(`${name} is not a text or a number`);
}

const flagOf = (value: JsonValue | undefined) => value === true;
