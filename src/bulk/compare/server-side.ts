import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BulkError } from "../bulk-error.ts";
import { objectOf, textOf } from "../fields.ts";
import { microsFrom, momentFrom } from "../line/moment.ts";
import { assertWithin, createPageWatch, totalFrom } from "../remote/bounds.ts";
import type { RemoteApi } from "../remote/remote-api.ts";
import { metadataFields } from "./metadata-fields.ts";
import type { Compared, Depth, Side, Value } from "./side.ts";

/** People of one answer. */
const pageSize = 500;
/** A server may answer fewer than were asked for, but one that answers fewer than this has no more. */
const leastPage = 100;
/** Keys of one answer. */
const metadataPageSize = 1_000;
/** People whose metadata are asked for at the same time. */
const atOnce = 8;
/** Of an answer, in bytes. A page of people takes a megabyte, and all metadata that a user may have 7. */
const maxAnswerBytes = 16_777_216;
/** As the field rules say of ids. */
const maxIdLength = 200;

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
    const body = {
      query: { offset: String(offset), limit, asc: true },
      // User names are unique, so the pages do not overlap.
      sortingColumn: "USER_FIELD_NAME_USER_NAME",
      queries: [...always, ...queries],
    };
    const answer = await api.post("/v2/users", body, maxAnswerBytes);
    const users = Array.isArray(answer.result) ? answer.result.map(objectOf) : [];
    assertWithin(users, limit);
    return { users, total: totalFrom(textOf(objectOf(answer.details).totalResult)) };
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
    const body = { pagination: { limit: metadataPageSize, asc: true } };
    const answer = await api.post(path, body, maxAnswerBytes);
    const entries = Array.isArray(answer.metadata) ? answer.metadata.map(objectOf) : [];
    assertWithin(entries, metadataPageSize);
    const texts = entries.map(({ key, value }) => ({ key: textOf(key), value: textOf(value) }));
    return { userId, fields: { ...fields, ...metadataFields(texts) } };
  }

  return {
    async *pages() {
      let page = await list([], 0, pageSize);
      const watch = createPageWatch(page.total);
      for (let offset = page.users.length; page.users.length > 0; offset += page.users.length) {
        watch(page.users.map(({ userId }) => textOf(userId)));
        yield await compared(page.users);
        if (page.users.length < leastPage) return;
        page = await list([], offset, pageSize);
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
  if (userId.length > maxIdLength) {
    throw new BulkError(
      `the server answers a user with an id of more than ${maxIdLength} characters`,
    );
  }
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
