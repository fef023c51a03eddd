import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BulkError } from "../bulk-error.ts";
import { objectOf, textOf } from "../fields.ts";
import { type JsonRecord, maxRecordBytes, maxRecordDepth } from "../json/json-document.ts";
import { jsonRecords } from "../json/json-records.ts";
import { unreadable } from "../lines-of.ts";
import type { Losses } from "../losses.ts";
import type { MetadataSpool } from "../metadata-spool.ts";
import { placeInOrganization, wishesFor } from "./export-places.ts";
import { personLine } from "./person-line.ts";
import { stateFrom } from "./states.ts";

/** An organization of an export, as far as it has been read. */
type Organization = { id: string; name: string; state: string };

/** What must be known before the people are read: it may come behind them. */
export type ExportOutline = {
  /** In the order of the file. */
  readonly organizations: readonly Organization[];
  /** How many there are in the file. */
  readonly people: number;
};

/** Only one file may have more than this. They are held while it is read. */
const maxOrganizations = 1_000_000;

/**
 * Read the organizations of an export, and put all metadata into the spool.
 *
 * @param show Told the bytes that are read.
 * @throws BulkError if it is no export.
 */
export async function outlineExport(
  chunks: AsyncIterable<Buffer>,
  spool: MetadataSpool,
  show: (bytes: number) => void,
): Promise<ExportOutline> {
  const organizations: Organization[] = [];
  let people = 0;
  const wishes = wishesFor({
    orgId: "record",
    org: "record",
    orgState: "record",
    "humanUsers/*": "count",
    "userMetadata/*": "record",
  });
  for await (const { records, bytes } of jsonRecords(chunks, wishes)) {
    for (const record of records) {
      const [place = ""] = placeInOrganization(record.path) ?? [];
      if (place === "humanUsers") people += 1;
      else if (place === "userMetadata") spoolMetadata(record, spool);
      else noteOrganization(record, place, organizations);
    }
    show(bytes);
  }
  const isExport = Array.from(organizations).every((each) => each?.id);
  if (!isExport || organizations.length === 0) {
    throw new BulkError("no export of ZITADEL's: it has no organizations with an orgId");
  }
  return { organizations, people };
}

function noteOrganization(record: JsonRecord, place: string, found: Organization[]): void {
  const [index = 0] = record.places;
  if (index >= maxOrganizations) throw new BulkError(`more than ${maxOrganizations} organizations`);
  if (record.json === undefined) return;
  const organization = found[index] ?? { id: "", name: "", state: "" };
  found[index] = organization;
  const value = parsed(record.json, `${place} of organization ${index + 1}`);
  if (place === "orgId") organization.id = textOf(value);
  if (place === "org") organization.name = textOf(objectOf(value).name);
  if (place === "orgState") organization.state = textOf(value);
}

function spoolMetadata({ json, places }: JsonRecord, spool: MetadataSpool): void {
  if (json === undefined) return;
  const [organization = 0, entry = 0] = places;
  const name = `metadata ${entry + 1} of organization ${organization + 1}`;
  const { id, key, value } = objectOf(parsed(json, name));
  spool.add(textOf(id), textOf(key), textOf(value));
}

function parsed(json: Buffer, name: string): JsonValue {
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    throw new BulkError(`${name} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The people of an export, as lines of an import.
 *
 * @param losses Gets what is not taken.
 */
export async function* peopleOfExport(
  chunks: AsyncIterable<Buffer>,
  { organizations }: ExportOutline,
  spool: MetadataSpool,
  losses: Losses,
): AsyncGenerator<readonly object[]> {
  const wishes = wishesFor({ "humanUsers/*": "record", "userMetadata/*": "skip" });
  for await (const { records } of jsonRecords(chunks, wishes)) {
    const lines: object[] = [];
    for (const record of records) {
      const organization = organizations[record.places[0] ?? 0];
      const [place = ""] = placeInOrganization(record.path) ?? [];
      if (place !== "humanUsers") losses.add(kinds.get(place) ?? place);
      else if (organization?.state === removed) losses.add("people of removed organizations");
      else {
        const line = lineOf(record, organization?.id ?? "", spool, losses);
        if (line !== undefined) lines.push(line);
      }
    }
    yield lines;
  }
}

const removed = "ORG_STATE_REMOVED";

/** Lists of an organization, in plain words; others keep their name. */
const kinds: ReadonlyMap<string, string> = new Map([
  ["machineUsers", "service accounts"],
  ["userLinks", "links to identity providers"],
  ["machineKeys", "keys of service accounts"],
  ["appKeys", "keys of applications"],
  ["userGrants", "grants of people"],
  ["orgMembers", "members of organizations"],
]);

function lineOf(
  { json, places }: JsonRecord,
  organization: string,
  spool: MetadataSpool,
  losses: Losses,
): object | undefined {
  const name = `person ${(places[1] ?? 0) + 1} of the organization ${organization}`;
  if (json === undefined) {
    return unreadable(
      `${name} has more than ${maxRecordBytes} bytes, or more than ${maxRecordDepth} levels`,
    );
  }
  try {
    const record = objectOf(JSON.parse(json.toString()));
    const state = stateFrom(record.state);
    if (state === undefined) return unreadable(`${name}: the state is unknown`);
    if ("isGone" in state) return void losses.add("removed people");
    const userId = textOf(record.userId);
    const person = personLine(userId, organization, humanOf(record), losses);
    return { ...person, ...state, metadata: spool.of(userId) };
  } catch (error) {
    return unreadable(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}

function humanOf({ user }: JsonObject): JsonObject {
  return objectOf(user);
}
