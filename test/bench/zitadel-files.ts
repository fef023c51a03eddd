import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { writeUsers } from "./server.ts";
import { userId } from "./users.ts";

const organization = "70000000000000001";

const personOf = (index: number) => {
  const email = `user-${index}@giraffe.example`;
  const displayName = `User ${index}`;
  return { email, firstName: `First ${index}`, lastName: `Last ${index % 1000}`, displayName };
};

/** An answer of ExportData, with one value of metadata for every tenth person. */
export async function writeExport(file: string, users: number): Promise<void> {
  const out = createWriteStream(file);
  const write = async (text: string) => {
    if (!out.write(text)) await once(out, "drain");
  };
  await write(`{"orgs":[{"orgId":"${organization}","org":{"name":"Zoo"},"humanUsers":[`);
  for (let index = 0; index < users; index += 1) {
    const { email, ...profile } = personOf(index);
    const user = {
      userName: email,
      profile: { ...profile, preferredLanguage: "und", gender: "GENDER_UNSPECIFIED" },
      email: { email, isEmailVerified: true },
      hashedPassword: { value: "$2a$14$not-a-real-hash-not-a-real-hash-not-a-real-hash" },
    };
    const person = { userId: userId(index), state: "USER_STATE_ACTIVE", user };
    await write(`${index === 0 ? "" : ","}${JSON.stringify(person)}`);
  }
  await write('],"userMetadata":[');
  for (let index = 0; index < users; index += 10) {
    const entry = { id: userId(index), key: "desk", value: "QjEy" };
    await write(`${index === 0 ? "" : ","}${JSON.stringify(entry)}`);
  }
  out.end("]}]}");
  await finished(out);
}

/** Rows of the log: five events of each person, two of which say nothing about the profile. */
export function writeLog(file: string, users: number): Promise<void> {
  const base = {
    creator: "SYSTEM",
    owner: organization,
    created_at: "2021-03-01T10:00:00.1+00:00",
  };
  const added = { ...base, aggregate_type: "org", aggregate_id: organization, sequence: 1 };
  const first = `${JSON.stringify({ ...added, event_type: "org.added", payload: { name: "Zoo" } })}\n`;
  return writeUsers(file, users, (index) => {
    const { email, ...profile } = personOf(index);
    const steps: [string, object | null][] = [
      [
        "user.human.added",
        { ...profile, userName: email, email, encodedHash: "$2a$14$not-a-hash" },
      ],
      ["user.human.email.verified", null],
      ["user.human.password.check.succeeded", null],
      ["user.human.profile.changed", { nickName: `Gi ${index}` }],
      ["user.human.refresh.token.added", { tokenId: "1" }],
    ];
    const of = { ...base, aggregate_type: "user", aggregate_id: userId(index) };
    const lines = steps.map(
      ([event_type, payload], place) =>
        `${JSON.stringify({ ...of, event_type, sequence: place + 1, payload })}\n`,
    );
    return (index === 0 ? first : "") + lines.join("");
  });
}
