import { Buffer } from "node:buffer";
import { GenderSchema } from "../../../gen/zitadel/user_pb.ts";
import type { HumanState } from "../../domain/human-state.ts";
import { metadataChangesOf } from "../../domain/metadata.ts";
import type { Head } from "../../store/event-store.ts";
import type { Transfer } from "../../store/transfer.ts";
import { headPages } from "../head-pages.ts";
import { momentFrom } from "../line/moment.ts";
import { stateName } from "../line/state-name.ts";
import { metadataFields } from "./metadata-fields.ts";
import type { Compared, Depth, Side } from "./side.ts";

/**
 * The people of a database.
 *
 * @param organization Default: every organization.
 */
export function databaseSide(
  transfer: Pick<Transfer, "heads" | "latest" | "attributes">,
  organization: string | undefined,
  depth: Depth,
): Side {
  async function compared(userId: string, head: Head<HumanState>): Promise<Compared[]> {
    const fields = fieldsOf(head, depth);
    if (fields === undefined) return [];
    if (organization !== undefined && head.organization !== organization) return [];
    if (!depth.withMetadata || metadataChangesOf(head.state) === 0) return [{ userId, fields }];
    const attributes = (await transfer.attributes(userId))?.attributes ?? [];
    const entries = attributes.map(({ key, value }) => ({
      key,
      value: Buffer.from(value).toString("base64"),
    }));
    return [{ userId, fields: { ...fields, ...metadataFields(entries) } }];
  }

  async function all(heads: Iterable<readonly [string, Head<HumanState>]>): Promise<Compared[]> {
    const found: Compared[] = [];
    for (const [userId, head] of heads) found.push(...(await compared(userId, head)));
    return found;
  }

  return {
    async *pages() {
      for await (const heads of headPages<HumanState>(transfer, organization)) {
        yield await all(heads.map(({ stream, head }) => [stream, head] as const));
      }
    },
    async byIds(ids) {
      const latest = await transfer.latest<HumanState>(ids);
      const heads = [...latest].map(([userId, { head }]) => [userId, head] as const);
      return new Map((await all(heads)).map((each) => [each.userId, each]));
    },
    count: async () => undefined,
  };
}

function fieldsOf(
  { state, ...head }: Head<HumanState>,
  { withDetails }: Depth,
): Compared["fields"] | undefined {
  if (state.kind !== "present") return undefined;
  const { profile, userName, email, isEmailVerified, phone, isPhoneVerified } = state;
  return {
    organization: head.organization,
    state: stateName(state.status),
    userName,
    ...profile,
    gender: GenderSchema.value[profile.gender]?.name ?? "",
    email,
    isEmailVerified,
    phone,
    isPhoneVerified,
    ...(withDetails && {
      sequence: head.version,
      creationDate: momentFrom(head.createdAt),
      changeDate: momentFrom(head.changedAt),
    }),
  };
}
