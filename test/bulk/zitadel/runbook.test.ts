import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace } from "../../cli/serving.ts";
import { root, runProgram, startGiraffe } from "../../support/child.ts";
import { present } from "../../support/zitadel/files.ts";
import { makeWorld } from "../../support/zitadel/world.ts";
import { startZitadel, zitadelToken } from "../../support/zitadel/zitadel-server.ts";

const page = readFileSync(join(root, "docs/zitadel.md"), "utf8");
const section = page.split(/^## /m).find((each) => each.startsWith("Switch over without a gap\n"));
const commands = [...(section ?? "").matchAll(/^```sh\n(.*?)^```$/gms)].map(
  ([, text = ""]) => text,
);

/** A folder like a checkout, with a server on its database. */
async function checkout() {
  const folder = join(createPlace().folder, "checkout");
  mkdirSync(folder);
  for (const name of ["node_modules", "package.json", "src", "gen", "tsconfig.json"]) {
    symlinkSync(join(root, name), join(folder, name));
  }
  writeFileSync(join(folder, "zitadel.token"), zitadelToken);
  const server = startGiraffe(["serve", "--listen", "127.0.0.1:0"], { cwd: folder });
  const [, url = ""] = await server.until("stdout", /^ready (\S+)\n/m);
  return { folder, server, url };
}

describe("the runbook", () => {
  test("copies, catches up, verifies, and goes back", async () => {
    const [copy = "", verify = "", goBack = "", ...others] = commands;
    expect(others).toEqual([]);
    const zitadel = await startZitadel(makeWorld({ people: 150 }));
    const { folder, server, url } = await checkout();
    try {
      const sh = (text: string) => {
        const filledIn = text.replaceAll("https://zitadel.example", zitadel.url);
        return runProgram("sh", ["-e", "-c", filledIn], { cwd: folder });
      };
      const people = present(makeWorld({ people: 150 })).length;
      expect(await sh(copy)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(`^imported ${people} users.*\nnot taken: `),
      });

      // ZITADEL goes on, so both differ until the last run.
      const world = makeWorld({ people: 160, later: 1 });
      zitadel.setWorld(world);
      const early = await sh(verify);
      expect(early.code).toBe(1);
      expect(early.stdout).toContain(" only there\n");
      const caughtUp = await sh(copy);
      expect(caughtUp).toMatchObject({ code: 0, stdout: expect.stringContaining("changed") });
      expect(await sh(verify)).toMatchObject({
        code: 0,
        stdout: `compared ${present(world).length} users: 0 differ, 0 only here, 0 only there\n`,
      });

      // Clients have switched: somebody is added here.
      const token = readFileSync(join(folder, "data", "admin.token"), "utf8").trim();
      const added = await fetch(`${url}/v2/users/human`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "x-zitadel-orgid": "70000000000000001" },
        body: JSON.stringify({
          userId: "new-here",
          organization: { orgId: "70000000000000001" },
          profile: { givenName: "New", familyName: "Here" },
          email: { email: "new@giraffe.example", isVerified: true },
        }),
      });
      expect(added.status).toBe(200);
      expect((await sh(verify)).stdout).toContain('"new-here" is only here\n');
      expect(await sh(goBack)).toMatchObject({ code: 0 });
      expect(JSON.stringify(zitadel.imported)).toContain('"userId":"new-here"');
    } finally {
      server.kill("SIGTERM");
      await server.ended;
    }
  });
});
