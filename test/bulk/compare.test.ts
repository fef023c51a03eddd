import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace, type Place } from "../cli/serving.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { eventsFile, exportFile, present } from "../support/zitadel/files.ts";
import { makeWorld, type World } from "../support/zitadel/world.ts";
import { serveImported } from "./zitadel/served.ts";

const engines = [
  { engine: "SQLite", open: async () => createPlace() },
  { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
];

async function movedIn(place: Place, world: World, form: "zitadel-events" | "zitadel-export") {
  await place.administer("org", "create", "Zoo");
  const file = join(place.folder, "input");
  if (form === "zitadel-events") eventsFile(file, world.events);
  else exportFile(file, world);
  await place.administer("import", "--from", form, file);
}

/** A server with the people, and a file with a token of it. */
async function served(place: Place) {
  const { url, secret } = await serveImported(place);
  const tokenFile = join(place.folder, "reader.token");
  writeFileSync(tokenFile, secret);
  return { url, secret, tokenFile };
}

describe("compare", () => {
  test.for(engines)("finds no difference between copies, on $engine", async ({ open }) => {
    const world = makeWorld({ people: 260 });
    const [place, other] = [await open(), await open()];
    await movedIn(place, world, "zitadel-events");
    await movedIn(other, world, "zitadel-events");
    const { url, tokenFile } = await served(other);
    const argv = ["compare", url, "--token-file", tokenFile, "--details", "--metadata"];
    expect(await place.administer(...argv)).toMatchObject({
      code: 0,
      stdout: `compared ${present(world).length} users: 0 differ, 0 only here, 0 only there\n`,
    });
  });

  test("lists every field that differs, and who is on one side only", async () => {
    const [place, other] = [createPlace(), createPlace()];
    await movedIn(place, makeWorld({ people: 40 }), "zitadel-export");
    const world = makeWorld({ people: 45 });
    await movedIn(other, world, "zitadel-export");
    const { url, tokenFile, secret } = await served(other);
    const mine = new Set(present(makeWorld({ people: 40 })).map(({ person }) => person.id));
    const [changed, gone] = present(world).filter(({ person }) => mine.has(person.id));
    if (changed === undefined || gone === undefined) throw new Error("nobody is there");
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(`${url}/v2/users/${path}`, {
        method,
        headers: { authorization: `Bearer ${secret}` },
        ...(body && { body: JSON.stringify(body) }),
      });
      expect(answer.status).toBe(200);
    };
    const { id } = changed.person;
    const profile = { givenName: "New", nickName: "Newer" };
    await call("PATCH", id, { human: { profile } });
    await call("POST", `${id}/metadata`, { metadata: [{ key: "new", value: "YQ==" }] });
    await call("DELETE", gone.person.id);
    const argv = ["compare", url, "--token-file", tokenFile];
    const { code, stdout } = await place.administer(...argv, "--metadata", "--json");
    const { findings, ...summary } = JSON.parse(stdout);
    const onlyThere = present(world).length - mine.size;
    expect({ code, summary }).toEqual({
      code: 1,
      summary: { compared: mine.size - 1, different: 1, onlyHere: 1, onlyThere },
    });
    expect(findings).toContainEqual({ userId: gone.person.id, only: "here" });
    expect(findings).toContainEqual({
      userId: id,
      fields: [
        { name: "firstName", here: changed.shown.firstName, there: "New" },
        { name: "nickName", here: changed.shown.nickName, there: "Newer" },
        { name: "metadata.new", there: "YQ==" },
      ],
    });
    const words = (await place.administer(...argv)).stdout;
    expect(words).toContain(`"${id}" firstName: "${changed.shown.firstName}" here, "New" there\n`);
    expect(words).toContain(`"${gone.person.id}" is only here\n`);
    expect(words).not.toContain("metadata");
    const one = ["--org", "70000000000000001", "--json"];
    const ofOne = JSON.parse((await place.administer(...argv, ...one)).stdout);
    const inOne = present(world).filter(
      ({ person }) => mine.has(person.id) && person.organization.name === "Savanna",
    );
    expect(ofOne.compared + ofOne.onlyHere).toBe(inOne.length);
  });

  test("compares two servers", async () => {
    const world = makeWorld({ people: 30 });
    const [place, other] = [createPlace(), createPlace()];
    await movedIn(place, world, "zitadel-events");
    await movedIn(other, world, "zitadel-events");
    const [mine, theirs] = [await served(place), await served(other)];
    const ended = await createPlace().administer(
      ...["compare", theirs.url, "--token-file", theirs.tokenFile, "--details"],
      ...["--with", mine.url, "--with-token-file", mine.tokenFile, "--json"],
    );
    expect(JSON.parse(ended.stdout)).toMatchObject({
      compared: present(world).length,
      different: 0,
      onlyHere: 0,
      onlyThere: 0,
    });
  });

  test.for([
    { argv: ["http://127.0.0.1:1"], code: 2, problem: "--token-file is missing" },
    { argv: ["nowhere", "--token-file", "TOKEN"], code: 1, problem: "is not a URL such as" },
    { argv: ["http://a:b@c", "--token-file", "TOKEN"], code: 1, problem: "is not a URL such as" },
    { argv: ["http://127.0.0.1:1", "--token-file", "none"], code: 1, problem: "cannot read none" },
    { argv: ["http://a", "--token-file", "TOKEN", "--with", "b"], code: 2, problem: "together" },
  ])("refuses $argv", async ({ argv, code, problem }) => {
    const place = createPlace();
    await place.administer("org", "create", "Zoo");
    const file = join(place.folder, "token");
    writeFileSync(file, "a-token");
    const filled = argv.map((each) => (each === "TOKEN" ? file : each));
    const ended = await place.administer("compare", ...filled);
    expect(ended).toMatchObject({ code, stderr: expect.stringContaining(problem) });
  });
});
