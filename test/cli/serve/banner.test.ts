import { describe, expect, test } from "vitest";
import { root, runProgram } from "../../support/child.ts";
import { changed, createPlace, demo, type Serving } from "../serving.ts";

describe("the banner of --demo", () => {
  test("has commands that work when pasted", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const banner = await bannerOf(server);
    const [curl = "", buf = "", grpcurl = "", ...others] = commandsOf(banner);
    expect(others).toEqual([]);

    const put = await runProgram("sh", ["-c", curl], { cwd: root });
    expect(JSON.parse(put.stdout)).toEqual(changed("2").body);
    const get = await runProgram("sh", ["-c", buf], { cwd: root });
    expect(get).toMatchObject({ code: 0 });
    expect(JSON.parse(get.stdout)).toMatchObject({
      details: { sequence: "2" },
      profile: { displayName: "Gigi" },
    });
    expect(grpcurl.replaceAll(/\s+\\?\s*/g, " ")).toMatch(
      new RegExp(
        `^grpcurl -plaintext -H "Authorization: Bearer \\$\\(cat '[^']+/admin\\.token'\\)" ` +
          `-d '\\{"userId":"${demo.userId}"\\}' ${new URL(server.url).host} ` +
          "zitadel\\.management\\.v1\\.ManagementService/GetHumanProfile$",
      ),
    );
  });
});

/** All of stdout up to the line that says ready. */
async function bannerOf(server: Serving): Promise<string> {
  const [banner] = await server.until("stdout", /^(?:.*\n)*?ready .*\n/);
  return banner;
}

/** The lines that are indented by four spaces. A line that ends in a backslash is joined with the next. */
function commandsOf(banner: string): string[] {
  return banner
    .split(/\n\n/)
    .flatMap((block) => (block.startsWith("    ") ? [block] : []))
    .map((block) => block.trim());
}
