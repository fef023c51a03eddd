import { readFileSync } from "node:fs";
import { getOption, hasOption, type JsonObject } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { UserService as GiraffeUserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { createDocument } from "../../../scripts/openapi/document.ts";
import { bounds } from "../../../scripts/openapi/examples.ts";
import { errors, reasonFromKey } from "../../../src/domain/errors.ts";
import { successors } from "../../../src/rpc/deprecation.ts";
import { libraryMethod } from "../../wire/protocol/rest/library.ts";
import { compile, type Operation, operationsOf } from "./operations.ts";

// Long because it checks the document by tables of requests, and by a second document for a service of its own.

const document = JSON.parse(
  readFileSync(new URL("../../../gen/openapi.json", import.meta.url), "utf8"),
) as JsonObject;
const operations = operationsOf(document);
const operation = (name: string, service = "ManagementService") =>
  operations.find(({ operationId }) => operationId === `${service}_${name}`) as Operation;
const services = [ManagementService, UserService, GiraffeUserService];
const served = services.flatMap(({ methods }) => methods);

describe("the document", () => {
  test("is valid OpenAPI 3.1", async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    expect(document.openapi).toBe("3.1.0");
  });

  test("has every method that is on REST", () => {
    const onRest = served.filter((method) => hasOption(method, http));
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
      onRest.map(({ name, parent }) => `${parent.name}_${name}`).sort(),
    );
    expect(new Set(operations.flatMap(({ tags }) => tags))).toEqual(
      new Set(["ManagementService", "UserService", "giraffe.v1.UserService"]),
    );
    expect(operation("UpdateUser", "UserService")).toMatchObject({
      verb: "patch",
      path: "/v2/users/{userId}",
    });
  });

  test("shows the update as ZITADEL's documentation does", () => {
    const { verb, path, tags, deprecated, parameters, requestBody } =
      operation("UpdateHumanProfile");
    expect({ verb, path, tags, deprecated }).toEqual({
      verb: "put",
      path: "/management/v1/users/{userId}/profile",
      tags: ["ManagementService"],
      deprecated: true,
    });
    expect(parameters).toMatchObject([
      { name: "userId", in: "path", required: true, schema: { minLength: 1, maxLength: 200 } },
      { $ref: "#/components/parameters/organization" },
      { $ref: "#/components/parameters/ifMatch" },
      { $ref: "#/components/parameters/idempotencyKey" },
      { $ref: "#/components/parameters/updateMask" },
      { $ref: "#/components/parameters/validateOnly" },
      { $ref: "#/components/parameters/allowUnchanged" },
      { $ref: "#/components/parameters/prefer" },
    ]);
    expect(document).toHaveProperty("components.parameters.organization.name", "x-zitadel-orgid");
    expect(document).toHaveProperty("components.parameters.ifMatch.name", "if-match");
    const name = { type: "string", minLength: 1, maxLength: 200 };
    expect(requestBody).toMatchObject({
      required: true,
      content: {
        "application/json": {
          schema: {
            type: "object",
            required: ["firstName", "lastName", "displayName"],
            properties: {
              firstName: name,
              lastName: name,
              nickName: { type: "string", maxLength: 200 },
              displayName: name,
              preferredLanguage: { type: "string", maxLength: 10 },
              gender: { $ref: "#/components/schemas/zitadel.user.v1.Gender" },
            },
          },
        },
      },
    });
    expect(document).toHaveProperty(
      ["components", "schemas", "zitadel.user.v1.Gender", "enum"],
      ["GENDER_UNSPECIFIED", "GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"],
    );
  });

  test("calls every method of v1 that has a successor deprecated, and names one", () => {
    const ofV1 = operations.filter(({ operationId }) => operationId.startsWith("Management"));
    const deprecated = ofV1.filter((each) => each.deprecated).map(({ operationId }) => operationId);
    const methods = ManagementService.method;
    const withSuccessor = Object.keys(successors).map(
      (name) => `ManagementService_${methods[name as keyof typeof successors].name}`,
    );
    expect(deprecated.sort()).toEqual(withSuccessor.sort());
    expect(operation("UpdateUserName").description).toMatch(
      /^Deprecated: please use the user service v2, UpdateUser\.$/m,
    );
    expect(operation("GetMyOrg").description).not.toContain("Deprecated");
  });

  test("says where the header with the organization has no effect", () => {
    const anywhere = { $ref: "#/components/parameters/anyOrganization" };
    for (const name of ["UpdateUser", "GetUserByID", "ListUsers"])
      expect(operation(name, "UserService").parameters).toContainEqual(anywhere);
    const here = { $ref: "#/components/parameters/organization" };
    expect(operation("AddHumanUser", "UserService").parameters).toContainEqual(here);
    expect(document).toHaveProperty(
      "components.parameters.anyOrganization.description",
      "An organization that exists. It has no other effect: users are found by their ids.",
    );
  });

  test("asks for a token where the server does", () => {
    const withoutToken = operations.filter(({ security }) => security.length === 0);
    expect(withoutToken.map(({ operationId }) => operationId)).toEqual([
      "ManagementService_Healthz",
    ]);
    expect(Object.keys(operation("Healthz").responses)).not.toContain("401");
    expect(Object.keys(operation("RemoveUser").responses)).toContain("401");
  });

  test("names every reason that the service has to refuse a call", () => {
    const responses = JSON.stringify((document.components as JsonObject).responses);
    for (const key of Object.keys(errors) as (keyof typeof errors)[])
      expect(responses).toContain(`\`${reasonFromKey(key)}\``);
  });

  test("D10: has a body wherever the rule has one, if only an empty object", () => {
    const rules = served.map((method) => ({
      method,
      body: getOption(method, http).body,
    }));
    for (const { method, body } of rules) {
      const { name, parent } = method;
      expect({ [name]: operation(name, parent.name).requestBody !== undefined }).toEqual({
        [name]: body !== "",
      });
    }
    expect(operation("LockUser").requestBody).toEqual({
      content: { "application/json": { schema: { type: "object", properties: {} } } },
    });
  });

  test("D10: requires only what is declared beside it, and denies nothing by a bare not", () => {
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      const { required, properties = {}, not } = value as Record<string, JsonObject>;
      expect(not).toBeUndefined();
      if (Array.isArray(required))
        expect(Object.keys(properties as object)).toEqual(expect.arrayContaining(required));
      for (const each of Object.values(value)) visit(each);
    };
    visit(document);
  });

  test("D10: has what linters ask for", () => {
    expect(document).toHaveProperty("info.contact.name");
    for (const { description } of operations) expect(description).toBeTruthy();
  });

  const schemaOf = (name: string) => `/components/schemas/${name}`;
  const human = {
    userName: "gigi",
    profile: { firstName: "Gigi", lastName: "Giraffe" },
    email: { email: "gigi@giraffe.example" },
  };
  const person = {
    profile: { givenName: "Gigi", familyName: "Giraffe" },
    email: { email: "gigi@giraffe.example" },
  };
  const addHuman = schemaOf("zitadel.management.v1.AddHumanUserRequest");
  const listUsers = schemaOf("zitadel.management.v1.ListUsersRequest");
  const query = { stateQuery: { state: "USER_STATE_ACTIVE" } };
  test.for<{ name: string; pointer: string; body: JsonObject; isRight: boolean }>([
    { name: "a human", pointer: addHuman, body: human, isRight: true },
    {
      name: "a blank user name",
      pointer: addHuman,
      body: { ...human, userName: " \t" },
      isRight: false,
    },
    { name: "NUL", pointer: addHuman, body: { ...human, userName: "a\u0000" }, isRight: false },
    {
      name: "a password",
      pointer: addHuman,
      body: { ...human, initialPassword: "x" },
      isRight: false,
    },
    {
      name: "100 queries",
      pointer: listUsers,
      body: { queries: Array.from({ length: 100 }, () => query) },
      isRight: true,
    },
    {
      name: "101 queries",
      pointer: listUsers,
      body: { queries: Array.from({ length: 101 }, () => query) },
      isRight: false,
    },
    {
      name: "a limit beyond 32 bits",
      pointer: listUsers,
      body: { query: { limit: 2 ** 32 } },
      isRight: false,
    },
    {
      name: "an offset beyond 64 bits",
      pointer: listUsers,
      body: { query: { offset: "9".repeat(20) } },
      isRight: false,
    },
    {
      name: "a person of v2",
      pointer: schemaOf("zitadel.user.v2.CreateUserRequest"),
      body: { organizationId: "1", human: person },
      isRight: true,
    },
    {
      name: "a machine of v2",
      pointer: schemaOf("zitadel.user.v2.CreateUserRequest"),
      body: { organizationId: "1", machine: { name: "M" } },
      isRight: false,
    },
    {
      name: "a person of v2 with a password",
      pointer: schemaOf("zitadel.user.v2.AddHumanUserRequest"),
      body: { ...person, password: { password: "p" } },
      isRight: false,
    },
    {
      name: "a code to be returned",
      pointer: schemaOf("zitadel.user.v2.SetHumanEmail"),
      body: { email: "gigi@giraffe.example", returnCode: {} },
      isRight: false,
    },
    {
      name: "a phone that is said not to be verified",
      pointer: schemaOf("zitadel.user.v2.SetHumanPhone"),
      body: { phone: "+41441234567", isVerified: false },
      isRight: false,
    },
    {
      name: "a user of two kinds",
      pointer: schemaOf("zitadel.user.v1.User"),
      body: { human: {}, machine: {} },
      isRight: false,
    },
  ])("D10: has the bounds that the server has: $name", ({ pointer, body, isRight }) => {
    expect(compile(document)(pointer, body).length === 0).toBe(isRight);
  });

  test("D10: leaves out what is refused as not supported", () => {
    const refused = Object.keys(bounds).filter((name) => bounds[name] === undefined);
    const files = services.flatMap(({ file }) => [file, ...file.dependencies]);
    const known = files.flatMap((file) =>
      [...nestedTypes(file)].flatMap((type) =>
        type.kind === "message" ? type.fields.map(({ name }) => `${type.typeName}.${name}`) : [],
      ),
    );
    expect(known).toEqual(expect.arrayContaining(refused));
    const commands = readFileSync(
      new URL("../../../src/rpc/management/messages/add-human-command.ts", import.meta.url),
      "utf8",
    );
    const names = [...commands.matchAll(/^ {4}(\w+): request\./gm)].map(([, name]) => name);
    const ofV1 = refused.filter((name) => name.startsWith("zitadel.management.v1."));
    expect(ofV1.map((name) => name.split(".").at(-1)).sort()).toEqual(
      ["initial_password", ...names].sort(),
    );
  });

  test("says something about every method", () => {
    for (const { summary } of operations) expect(summary).toMatch(/^[A-Z].*[^.]$/);
  });

  test("has examples that its own schemas accept", () => {
    const validate = compile(document);
    const schemas = Object.entries((document.components as JsonObject).schemas as JsonObject);
    const ofSchemas = schemas.flatMap(([name, schema]) =>
      (((schema as JsonObject).examples as unknown[] | undefined) ?? []).map((example) => ({
        pointer: `/components/schemas/${name}`,
        example,
      })),
    );
    const ofResponses = Object.entries(
      (document.components as JsonObject).responses as JsonObject,
    ).map(([name, response]) => ({
      pointer: "/components/schemas/google.rpc.Status",
      name,
      example: ((response as JsonObject).content as Record<string, JsonObject>)["application/json"]
        ?.example,
    }));
    const ofBodies = operations.flatMap(({ bodyPointer, bodyExample }) =>
      bodyExample === undefined ? [] : [{ pointer: bodyPointer, example: bodyExample }],
    );
    expect(ofBodies).not.toEqual([]);
    for (const { pointer, example } of [...ofSchemas, ...ofResponses, ...ofBodies])
      expect(validate(pointer, example)).toEqual([]);
  });
});

describe("a document of any other service", () => {
  const service = libraryMethod("Library", "GetShelf").parent;
  const library = createDocument({
    services: [service],
    prefixes: { [service.typeName]: "/api" },
    info: { title: "Library", version: "1" },
    examples: {},
    bounds: {},
  });
  const found = new Map(operationsOf(library).map((each) => [each.operationId, each]));

  test("is valid", async () => {
    expect(await new Validator().validate(structuredClone(library))).toEqual({ valid: true });
  });

  test("has every binding that OpenAPI can name", () => {
    expect(
      [...found.values()].map(({ operationId, verb, path }) => [operationId, verb, path]),
    ).toEqual([
      ["Library_GetShelf", "get", "/api/v1/shelves/{shelfId}"],
      ["Library_GetShelf_3", "head", "/api/v1/shelves/{shelfId}"],
      ["Library_DeleteShelf", "delete", "/api/v1/shelves/{shelfId}"],
      ["Library_GetShelf_2", "get", "/api/v1/{shelf.name}"],
      ["Library_UpdateShelf", "patch", "/api/v1/{shelf.name}"],
      ["Library_CreateShelf", "post", "/api/v1/shelves"],
      ["Library_ReplaceShelf", "put", "/api/v1/shelves/{shelfId}:replace"],
    ]);
  });

  test("takes from the query what neither path nor body has, and what has a text form", () => {
    const names = found.get("Library_DeleteShelf")?.parameters.map(({ name }) => name);
    expect(names?.slice(0, 12)).toEqual([
      "shelfId",
      "shelf.name",
      "shelf.genre",
      "shelf.capacity",
      "shelf.topics",
      "tags",
      "since",
      "room",
      "floor",
      "beside.name",
      "beside.genre",
      "beside.capacity",
    ]);
    expect(names).toContain("alias");
    expect(names).toContain("values.mask");
    expect(names).not.toContain("labels");
    expect(names).not.toContain("neighbours");
    const patched = found.get("Library_UpdateShelf")?.parameters.map(({ name }) => name);
    expect(patched).not.toContain("shelf.genre");
  });

  test("tells the body and the answer that the rule names", () => {
    const shelf = { $ref: "#/components/schemas/library.v1.Shelf" };
    const content = { "application/json": { schema: shelf } };
    expect(found.get("Library_UpdateShelf")).toMatchObject({
      requestBody: { content },
      responses: { "200": { content } },
    });
  });

  test.for<{ field: string; schema: JsonObject }>([
    { field: "int32", schema: { type: "integer" } },
    { field: "uint32", schema: { type: "integer", minimum: 0 } },
    { field: "fixed64", schema: { type: "string", pattern: "^[0-9]{1,19}$" } },
    { field: "sint64", schema: { type: "string", pattern: "^-?[0-9]{1,18}$" } },
    { field: "bool", schema: { type: "boolean" } },
    { field: "bytes", schema: { type: "string", contentEncoding: "base64" } },
    { field: "genre", schema: { $ref: "#/components/schemas/library.v1.Genre" } },
    {
      field: "int64s",
      schema: { type: "array", items: expect.objectContaining({ type: "string" }) },
    },
    { field: "timestamp", schema: { type: "string", format: "date-time" } },
    { field: "int64Value", schema: { type: "string" } },
    { field: "boolValue", schema: { type: "boolean" } },
    { field: "mask", schema: { type: "string" } },
  ])("has the ProtoJSON form of $field", ({ field, schema }) => {
    expect(library).toHaveProperty(
      ["components", "schemas", "library.v1.Values", "properties", field],
      expect.objectContaining(schema),
    );
  });

  test.for<{ name: string; body: JsonObject; isValid: boolean }>([
    { name: "nothing of a oneof", body: {}, isValid: true },
    { name: "one of a oneof", body: { room: "1" }, isValid: true },
    { name: "two of a oneof", body: { room: "1", floor: 2 }, isValid: false },
    { name: "a message in itself", body: { shelf: { above: { above: {} } } }, isValid: true },
    { name: "a wrong type deep inside", body: { shelf: { above: { name: 1 } } }, isValid: false },
    { name: "a map", body: { labels: { a: "b" } }, isValid: true },
    { name: "a map of something else", body: { labels: { a: 1 } }, isValid: false },
    { name: "an infinite number", body: { values: { float: "-Infinity" } }, isValid: true },
  ])("knows whether a request is right: $name", ({ body, isValid }) => {
    const complaints = compile(library)("/components/schemas/library.v1.ShelfRequest", body);
    expect(complaints.length === 0).toBe(isValid);
  });
});
