import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import { listening } from "./listening.ts";
import type { WorldEvent } from "./world.ts";

/** A server with ZITADEL's ListEvents alone. */
export type LogServer = {
  readonly url: string;
  /** The bodies of the requests, in order. */
  readonly requests: Record<string, unknown>[];
  /** The log from now on. */
  setEvents(events: readonly WorldEvent[]): void;
  /** Answer the next request with this status. */
  fail(status: number): void;
};

export const logToken = "a-token-of-an-IAM_OWNER_VIEWER";

/** As ZITADEL: `from` is exclusive, the order is that of the dates, at most 1,000 events. */
export async function startLogServer(first: readonly WorldEvent[]): Promise<LogServer> {
  let events: readonly WorldEvent[] = [];
  let failure: number | undefined;
  const requests: Record<string, unknown>[] = [];
  const setEvents = (next: readonly WorldEvent[]) => {
    events = next.toSorted((a, b) => micros(a.created_at) - micros(b.created_at));
  };
  setEvents(first);
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const reply = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${logToken}`) {
      return reply(401, { code: 16, message: "auth header missing" });
    }
    if (request.url !== "/admin/v1/events/_search") return reply(404, { code: 5 });
    if (failure !== undefined) {
      const status = failure;
      failure = undefined;
      return reply(status, { code: 14, message: "try again" });
    }
    const body = JSON.parse(text);
    requests.push(body);
    const from = body.from === undefined ? 0 : micros(body.from);
    const found = events.filter(
      (each) => micros(each.created_at) > from && body.aggregateTypes.includes(each.aggregate_type),
    );
    reply(200, { events: found.slice(0, Math.min(body.limit, 1_000)).map(answered) });
  });
  const url = await listening(server);
  onTestFinished(() => void server.close());
  return {
    url,
    requests,
    setEvents,
    fail(status) {
      failure = status;
    },
  };
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
