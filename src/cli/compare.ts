import type { Comparison, Finding } from "../bulk/compare/compare.ts";
import type { Reading } from "../config/config.ts";
import {
  type AdminOptions,
  adminFlags,
  anyCommand,
  type Line,
  type Out,
  textOf,
  withAdminOptions,
} from "./command/command.ts";
import { printable } from "./command/printable.ts";
import { tokenFrom } from "./command/token-file.ts";

type CompareOptions = AdminOptions & {
  readonly url: string;
  readonly tokenFile: string;
  /** Another server in place of the database. */
  readonly with: { readonly url: string; readonly tokenFile: string } | undefined;
  readonly organization: string | undefined;
  readonly withDetails: boolean;
  readonly withMetadata: boolean;
};

/** People in the document of `--json`; all are counted. */
const maxFindings = 1_000;

/** `giraffe compare URL`. The exit code is 1 if anything differs. */
export const compare = anyCommand<CompareOptions>({
  name: "compare",
  help: "list how the people of the database differ from those of a server with ZITADEL's API at URL",
  argument: "URL",
  flags: {
    tokenFile: { argument: "FILE", help: "file with a token of the server at URL" },
    with: { argument: "URL", help: "compare with this server instead of the database" },
    withTokenFile: { argument: "FILE", help: "file with a token of that server" },
    org: { argument: "ID", help: "only people of this organization (default: all)" },
    details: { help: "compare sequence, creation date and date of the last change, too" },
    metadata: { help: "compare metadata, too: one more call for each person" },
    ...adminFlags,
  },
  required: ["tokenFile"],
  read: readOptions,
  async run(options, out) {
    const { compareSides } = await import("../bulk/compare/compare.ts");
    const { serverSide } = await import("../bulk/compare/server-side.ts");
    const { createRemoteApi } = await import("../bulk/remote/remote-api.ts");
    const { createMeter } = await import("../bulk/meter.ts");
    const { organization, json } = options;
    const there = createRemoteApi(options.url, tokenFrom(options.tokenFile));
    const here = await openHere(options);
    const meter = createMeter("users", undefined);
    const findings: Finding[] = [];
    try {
      const summary = await compareSides(
        here.side,
        serverSide(there, organization, options),
        (finding) => {
          if (!json) for (const line of wordsOf(finding)) out(printable(line));
          else if (findings.length < maxFindings) findings.push(finding);
        },
        (count) => meter.show(count, 0),
      );
      printSummary(summary, json ? findings : undefined, out);
      const { different, onlyHere, onlyThere } = summary;
      return different + onlyHere + onlyThere > 0 ? 1 : 0;
    } finally {
      meter.end();
      await here.close();
    }
  },
});

function readOptions(line: Line): Reading<CompareOptions> {
  const { given } = line;
  const [other, otherToken] = [textOf(given, "with"), textOf(given, "withTokenFile")];
  const reading = withAdminOptions(line, {
    url: line.argument,
    tokenFile: textOf(given, "tokenFile") ?? "",
    with: other && otherToken ? { url: other, tokenFile: otherToken } : undefined,
    organization: textOf(given, "org"),
    withDetails: given.details === true,
    withMetadata: given.metadata === true,
  });
  if ((other === undefined) === (otherToken === undefined)) return reading;
  const problems = reading.kind === "refused" ? reading.problems : [];
  return {
    kind: "refused",
    problems: [...problems, "--with and --with-token-file belong together"],
  };
}

/** The side that is called "here". */
async function openHere({ database, organization, with: other, ...depth }: CompareOptions) {
  if (other !== undefined) {
    const { serverSide } = await import("../bulk/compare/server-side.ts");
    const { createRemoteApi } = await import("../bulk/remote/remote-api.ts");
    const api = createRemoteApi(other.url, tokenFrom(other.tokenFile));
    return { side: serverSide(api, organization, depth), async close() {} };
  }
  const { openTransfer } = await import("../server/database.ts");
  const { databaseSide } = await import("../bulk/compare/database-side.ts");
  const { transfer, directory } = await openTransfer(database);
  return {
    side: databaseSide(transfer, organization, depth),
    async close() {
      await transfer.close();
      await directory.close();
    },
  };
}

function wordsOf(finding: Finding): string[] {
  const user = JSON.stringify(finding.userId);
  if ("only" in finding) return [`${user} is only ${finding.only}`];
  return finding.fields.map(({ name, here, there }) => {
    const [mine, other] = [here, there].map((each) => JSON.stringify(each) ?? "nothing");
    return `${user} ${name}: ${mine} here, ${other} there`;
  });
}

function printSummary(summary: Comparison, findings: Finding[] | undefined, out: Out): void {
  const { compared, different, onlyHere, onlyThere } = summary;
  if (findings !== undefined) out(JSON.stringify({ ...summary, findings }));
  else
    out(
      `compared ${compared} users: ${different} differ, ${onlyHere} only here, ${onlyThere} only there`,
    );
}
