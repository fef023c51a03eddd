import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";

/** Headers of an answer that tell of extras. */
const told = ["etag", "x-giraffe-validated", "x-giraffe-changed", "idempotent-replayed"];

/**
 * Use every extra of a change, by a client of Connect: a dry run, the change under its version, the same again, a change
 * of nothing with a key, and a repeat of that.
 *
 * @param api Version of the API: v1 has a mask for what v2 says by its messages.
 * @returns What each answer told, or the message of its error.
 */
export async function useExtras(
  transport: Transport,
  api: "v1" | "v2",
  userId: string,
): Promise<string[]> {
  const lines: string[] = [];
  const management = createClient(ManagementService, transport);
  const users = createClient(UserService, transport);
  const displayName = `Gigi by ${api}`;
  const profile = { givenName: "Gigi", familyName: "Giraffe", displayName };

  async function send(extras: Record<string, string>): Promise<string> {
    let tag = "";
    const onHeader = (answer: Headers) => {
      tag = answer.get("etag") ?? "";
      const names = told.filter((name) => answer.has(name));
      lines.push(names.map((name) => `${name}: ${answer.get(name)}`).join(", "));
    };
    const masked = { headers: { "x-giraffe-update-mask": "display_name", ...extras }, onHeader };
    try {
      if (api === "v1") await management.updateHumanProfile({ userId, displayName }, masked);
      else await users.updateHumanUser({ userId, profile }, { headers: extras, onHeader });
    } catch (error) {
      lines.push(ConnectError.from(error).message);
    }
    return tag;
  }

  const tag = await send({ "x-giraffe-validate-only": "true" });
  await send({ "if-match": tag });
  await send({ "if-match": tag });
  const key = `"${userId}"`;
  const repeatable = { "x-giraffe-allow-unchanged": "true", "idempotency-key": key };
  await send(repeatable);
  await send(repeatable);
  return lines;
}

/** What `useExtras` returns for a user whose version is 1. */
export const toldOfExtras = [
  'etag: "1", x-giraffe-validated: true',
  'etag: "2"',
  "[aborted] The user does not have the expected version",
  'etag: "2", x-giraffe-changed: false',
  'etag: "2", x-giraffe-changed: false, idempotent-replayed: true',
];
