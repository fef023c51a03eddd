import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { textOf } from "../fields.ts";
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
    const { sequence = null, creation_date: creationDate, change_date: changeDate } = row;
    const metadata = Array.isArray(row.metadata) ? { metadata: row.metadata } : {};
    return { ...person, ...state, ...metadata, sequence, creationDate, changeDate };
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

const flagOf = (value: JsonValue | undefined) => value === true;
