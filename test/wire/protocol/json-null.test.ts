import { createRegistry, type JsonObject, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ListUsersRequestSchema } from "../../../gen/zitadel/management_pb.ts";
import { createJsonCodec } from "../../../src/wire/protocol/codec.ts";
import { libraryMessage } from "./rest/library.ts";

const shelfRequest = libraryMessage("ShelfRequest");
const codec = createJsonCodec(createRegistry(ListUsersRequestSchema, shelfRequest));
const userName = { userName: "gigi" };
const read = (body: unknown) =>
  toJson(
    ListUsersRequestSchema,
    codec.parse(ListUsersRequestSchema, JSON.stringify(body)) as never,
  );

describe("D4: null is unset", () => {
  test.for<{ name: string; queries: JsonObject[]; want: JsonObject[] }>([
    {
      name: "before the member that is set",
      queries: [{ emailQuery: null, userNameQuery: userName }],
      want: [{ userNameQuery: userName }],
    },
    {
      name: "behind it",
      queries: [{ userNameQuery: userName, emailQuery: null, state_query: null }],
      want: [{ userNameQuery: userName }],
    },
    {
      name: "all members",
      queries: [{ userNameQuery: null, emailQuery: null }],
      want: [{}],
    },
    {
      name: "in every nesting",
      queries: [
        {
          andQuery: null,
          orQuery: {
            queries: [
              { notQuery: { query: { emailQuery: null, userNameQuery: userName } }, orQuery: null },
            ],
          },
        },
      ],
      want: [{ orQuery: { queries: [{ notQuery: { query: { userNameQuery: userName } } }] } }],
    },
  ])("$name", ({ queries, want }) => {
    expect(read({ queries })).toEqual({ queries: want });
  });

  test.for([
    { name: "a scalar and a scalar", body: { room: null, floor: 2 } },
    { name: "inside a message that stands beside", body: { shelf: {}, room: null, floor: 2 } },
  ])("in another service: $name", ({ body }) => {
    const message = codec.parse(shelfRequest, JSON.stringify(body));
    expect(codec.valueOf(shelfRequest, message)).toMatchObject({ floor: 2 });
  });

  test("in messages beside texts, lists and other messages that are null", () => {
    const since = "2030-01-31T12:00:00Z";
    const nulls = { beside: null, shelf: null, neighbours: null, labels: null, values: null };
    const message = codec.parse(shelfRequest, JSON.stringify({ ...nulls, since, room: "a" }));
    expect(codec.valueOf(shelfRequest, message)).toEqual({ since, room: "a" });
  });

  const notes = libraryMessage("Notes");
  const unset = { beside: null, room: "a" };
  const shelfInAny = { "@type": "type.googleapis.com/library.v1.ShelfRequest" };
  test.for<{ name: string; body: JsonObject; want: JsonObject }>([
    {
      name: "in the values of a map",
      body: { rooms: { a: unset } },
      want: { rooms: { a: { room: "a" } } },
    },
    {
      name: "in a message of any type",
      body: { any: { ...shelfInAny, ...unset } },
      want: { any: { ...shelfInAny, room: "a" } },
    },
    {
      name: "beside a message of any type that is empty",
      body: { shelf: null, text: "a", any: {} },
      want: { text: "a", any: {} },
    },
    { name: "but not as any value", body: { shelf: null, value: null }, want: { value: null } },
    { name: "but not as null", body: { shelf: null, nothing: null }, want: { nothing: null } },
    {
      name: "but not in any value",
      body: { shelf: null, value: { structValue: null } },
      want: { value: { structValue: null } },
    },
    {
      name: "but not in a structure of any names",
      body: { shelf: null, text: "a", free: { fields: { b: { structValue: null } } } },
      want: { text: "a", free: { fields: { b: { structValue: null } } } },
    },
  ])("$name", ({ body, want }) => {
    const message = codec.parse(notes, JSON.stringify(body));
    expect(codec.valueOf(notes, message)).toEqual(want);
  });

  test.for([
    { name: "two members", body: '{"queries":[{"userNameQuery":{},"emailQuery":{}}]}' },
    {
      name: "two members and null",
      body: '{"queries":[{"userNameQuery":{},"emailQuery":{},"orQuery":null}]}',
    },
    { name: "a key twice, both null", body: '{"queries":[{"orQuery":null,"orQuery":null}]}' },
    {
      name: "a key twice beside null",
      body: '{"queries":[{"orQuery":null,"emailQuery":{},"emailQuery":{}}]}',
    },
    {
      name: "a field in two spellings, one of them null",
      body: '{"queries":[{"orQuery":null,"emailQuery":{}}],"sortingColumn":null,"sorting_column":1}',
    },
    { name: "a query that is null", body: '{"queries":[null]}' },
    { name: "a nesting without an end", body: `{"orQuery":null,"queries":${"[".repeat(30_000)}` },
    {
      name: "a nesting too deep",
      body: `${'{"queries":[{"orQuery":null,"orQuery":'.repeat(900)}{}`,
    },
  ])("not by chance: $name is refused", ({ body }) => {
    expect(() => codec.parse(ListUsersRequestSchema, body)).toThrow(
      expect.objectContaining({ code: 3 }),
    );
  });
});
