import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BulkError } from "../bulk-error.ts";
import { objectOf, textOf } from "../fields.ts";
import { microsFrom, momentFrom } from "../line/moment.ts";
import type { RemoteApi } from "../remote/remote-api.ts";
import { metadataFields } from "./metadata-fields.ts";
import type { Compared, Depth, Side, Value } from "./side.ts";

/** People of one answer. */
const pageSize = 500;
/** Keys of one answer. */
const metadataPageSize = 1_000;
/** People whose metadata are asked for at the same time. */
const atOnce = 8;

/**
 * The people of a server that has `zitadel.user.v2`, as its token sees them.
 *
 * @param organization Default: every organization.
 */
export function serverSide(api: RemoteApi, organization: string | undefined, depth: Depth): Side {
  const always: JsonObject[] = [
    { typeQuery: { type: "TYPE_HUMAN" } },
    ...(organization === undefined
      ? []
      : [{ organizationIdQuery: { organizationId: organization } }]),
  ];

  async function list(queries: readonly JsonObject[], offset: number, limit: number) {
    const answer = await api.post("/v2/users", {
      query: { offset: String(offset), limit, asc: true },
      // User names are unique, so the pages do not overlap.
      sortingColumn: "USER_FIELD_NAME_USER_NAME",
      queries: [...always, ...queries],
    });
    const users = Array.isArray(answer.result) ? answer.result.map(objectOf) : [];
    const total = Number(textOf(objectOf(answer.details).totalResult) || "0");
    return { users, total };
  }

  async function compared(users: readonly JsonObject[]): Promise<Compared[]> {
    const people = users.map((user) => comparedFrom(user, depth));
    if (!depth.withMetadata) return people;
    const found: Compared[] = [];
    for (let at = 0; at < people.length; at += atOnce) {
      found.push(...(await Promise.all(people.slice(at, at + atOnce).map(withMetadata))));
    }
    return found;
  }

  async function withMetadata({ userId, fields }: Compared): Promise<Compared> {
    const path = `/v2/users/${encodeURIComponent(userId)}/metadata/search`;
    const answer = await api.post(path, { pagination: { limit: metadataPageSize, asc: true } });
    const entries = Array.isArray(answer.metadata) ? answer.metadata.map(objectOf) : [];
    const texts = entries.map(({ key, value }) => ({ key: textOf(key), value: textOf(value) }));
    return { userId, fields: { ...fields, ...metadataFields(texts) } };
  }

  return {
    async *pages() {
      for (let offset = 0; ; offset += pageSize) {
        const { users } = await list([], offset, pageSize);
        if (users.length > 0) yield await compared(users);
        if (users.length < pageSize) return;
      }
    },
    async byIds(ids) {
      if (ids.length === 0) return new Map();
      const { users } = await list([{ inUserIdsQuery: { userIds: [...ids] } }], 0, ids.length);
      return new Map((await compared(users)).map((each) => [each.userId, each]));
    },
    count: async () => (await list([], 0, 1)).total,
  };
}

function comparedFrom(user: JsonObject, { withDetails }: Depth): Compared {
  const human = objectOf(user.human);
  const [profile, email, phone] = [human.profile, human.email, human.phone].map(objectOf);
  const details = objectOf(user.details);
  const userId = textOf(user.userId);
  if (userId === "") throw new BulkError("the server answers a user without an id");
  return {
    userId,
    fields: {
      organization: textOf(details.resourceOwner),
      state: stateOf(user.state),
      userName: textOf(user.username),
      firstName: textOf(profile?.givenName),
      lastName: textOf(profile?.familyName),
      nickName: textOf(profile?.nickName),
      displayName: textOf(profile?.displayName),
      preferredLanguage: textOf(profile?.preferredLanguage) || "und",
      gender: genderOf(profile?.gender),
      email: textOf(email?.email),
      isEmailVerified: email?.isVerified === true,
      phone: textOf(phone?.phone),
      isPhoneVerified: phone?.isVerified === true,
      ...(withDetails && detailFields(details)),
    },
  };
}

function detailFields(details: JsonObject): Record<string, Value> {
  return {
    sequence: Number(textOf(details.sequence)),
    creationDate: momentFrom(microsFrom("creationDate", details.creationDate)),
    changeDate: momentFrom(microsFrom("changeDate", details.changeDate)),
  };
}

/** Initial users are imported as active ones. */
function stateOf(state: JsonValue | undefined): string {
  const name = textOf(state) || "USER_STATE_UNSPECIFIED";
  return name === "USER_STATE_INITIAL" ? "USER_STATE_ACTIVE" : name;
}

/** ZITADEL may have a number that is none of the four. */
function genderOf(gender: JsonValue | undefined): string {
  const isName = typeof gender === "string" && gender !== "";
  return isName ? gender : "GENDER_UNSPECIFIED";
}
