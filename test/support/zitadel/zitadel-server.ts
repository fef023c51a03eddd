import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import { present } from "./files.ts";
import { listening } from "./listening.ts";
import type { World, WorldEvent } from "./world.ts";

type Json = Record<string, unknown>;

/** A server with the calls of ZITADEL that a move needs: ListEvents, ListUsers, ListUserMetadata, ImportData. */
export type ZitadelServer = {
  readonly url: string;
  /** The bodies of the requests of ListEvents, in order. */
  readonly requests: Json[];
  /** The bodies of the requests of ImportData, in order. */
  readonly imported: Json[];
  /** What there is from now on. */
  setWorld(world: World): void;
  /** A log from now on, without people. */
  setEvents(events: readonly WorldEvent[]): void;
  /** Answer the next request with this status. */
  fail(status: number): void;
};

export const zitadelToken = "a-token-of-an-IAM_OWNER_VIEWER";

/** Answers as ZITADEL does, with the token alone. */
export async function startZitadel(first: World): Promise<ZitadelServer> {
  let events: readonly WorldEvent[] = [];
  let world = first;
  let failure: number | undefined;
  const requests: Json[] = [];
  const imported: Json[] = [];
  const setEvents = (next: readonly WorldEvent[]) => {
    events = next.toSorted((a, b) => micros(a.created_at) - micros(b.created_at));
  };
  const setWorld = (next: World) => {
    world = next;
    setEvents(next.events);
  };
  setWorld(first);

  function answerTo(path: string, body: Json): Json | undefined {
    if (path === "/admin/v1/events/_search") {
      requests.push(body);
      return listEvents(events, body);
    }
    if (path === "/admin/v1/import") {
      imported.push(body);
      return { success: {} };
    }
    if (path === "/v2/users") return listUsers(world, body);
    const [, id] = /^\/v2\/users\/(\d+)\/metadata\/search$/.exec(path) ?? [];
    return id === undefined ? undefined : listMetadata(world, id);
  }

  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const reply = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${zitadelToken}`) {
      return reply(401, { code: 16, message: "auth header missing" });
    }
    if (failure !== undefined) {
      const status = failure;
      failure = undefined;
      return reply(status, { code: 14, message: "try again" });
    }
    const answer = answerTo(request.url ?? "", JSON.parse(text));
    if (answer === undefined) reply(404, { code: 5 });
    else reply(200, answer);
  });
  const url = await listening(server);
  onTestFinished(() => void server.close());
  return {
    url,
    requests,
    imported,
    setWorld,
    setEvents,
    fail(status) {
      failure = status;
    },
  };
}

/** `from` is exclusive, the order is that of the dates, and 1,000 events are the most. */
function listEvents(events: readonly WorldEvent[], body: Json): Json {
  const from = body.from === undefined ? 0 : micros(String(body.from));
  const kinds = body.aggregateTypes as string[];
  const found = events.filter(
    (each) => micros(each.created_at) > from && kinds.includes(each.aggregate_type),
  );
  return { events: found.slice(0, Math.min(Number(body.limit), 1_000)).map(answered) };
}

function micros(text: string): number {
  const [, whole = "", fraction = ""] = /^(.{19})(?:\.(\d+))?/.exec(text) ?? [];
  return Date.parse(`${whole}Z`) * 1_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function answered(event: WorldEvent): object {
  return {
    editor: { userId: event.creator, displayName: event.creator },
    aggregate: {
      id: event.aggregate_id,
      type: { type: event.aggregate_type, localized: { key: "" } },
      resourceOwner: event.owner,
    },
    sequence: String(event.sequence),
    creationDate: event.created_at.replace("+00:00", "Z"),
    ...(event.payload && { payload: event.payload }),
    type: { type: event.event_type },
  };
}

const genders = ["GENDER_UNSPECIFIED", "GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"];

function listUsers(world: World, body: Json): Json {
  const queries = (body.queries ?? []) as Record<string, { userIds?: string[] }>[];
  const ids = queries.flatMap((each) => each.inUserIdsQuery?.userIds ?? []);
  const isAsked = queries.some((each) => each.inUserIdsQuery !== undefined);
  const found = present(world)
    .filter(({ person }) => !isAsked || ids.includes(person.id))
    .sort((a, b) => (a.shown.userName < b.shown.userName ? -1 : 1));
  const { offset = "0", limit } = body.query as { offset?: string; limit: number };
  return {
    details: { totalResult: String(found.length) },
    result: found.slice(Number(offset), Number(offset) + limit).map(({ person, shown }) => ({
      userId: person.id,
      details: {
        sequence: String(person.sequence),
        creationDate: person.creationDate.replace("+00:00", "Z"),
        changeDate: person.changeDate.replace("+00:00", "Z"),
        resourceOwner: person.organization.id,
      },
      state: `USER_STATE_${shown.state.toUpperCase()}`,
      username: shown.userName,
      human: {
        profile: {
          givenName: shown.firstName,
          familyName: shown.lastName,
          ...(shown.nickName !== "" && { nickName: shown.nickName }),
          displayName: shown.displayName,
          preferredLanguage: shown.preferredLanguage,
          gender: genders[shown.gender] ?? shown.gender,
        },
        email: { email: shown.email, isVerified: shown.isEmailVerified },
        phone: shown.phone === "" ? {} : { phone: shown.phone, isVerified: shown.isPhoneVerified },
      },
    })),
  };
}

function listMetadata(world: World, id: string): Json {
  const found = present(world).find(({ person }) => person.id === id);
  const metadata = [...(found?.shown.metadata ?? [])];
  return { metadata: metadata.map(([key, value]) => ({ key, value: value.toString("base64") })) };
}
