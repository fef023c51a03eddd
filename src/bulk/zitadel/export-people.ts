import { create, toJson } from "@bufbuild/protobuf";
import { ImportHumanUserRequestSchema } from "../../../gen/zitadel/management_pb.ts";
import type { HumanState, PresentHuman } from "../../domain/human-state.ts";
import { metadataChangesOf } from "../../domain/metadata.ts";
import type { Attribute } from "../../store/attributes.ts";
import type { Organization } from "../../store/directory.ts";
import type { Transfer } from "../../store/transfer.ts";
import { stateName } from "../line/state-name.ts";
import { createMeter } from "../meter.ts";
import { walkUsers } from "../walk-users.ts";
import { createImportChunks } from "./import-chunks.ts";

/** What was written. */
export type ExportedPeople = { readonly exported: number; readonly files: number };

/**
 * Write all people as requests of ZITADEL's ImportData, into files of an empty folder.
 *
 * @param organizations All that there are, or the only one to be exported.
 * @throws BulkError if the folder has something in it, or cannot be written.
 */
export async function exportPeople(
  transfer: Transfer,
  organizations: readonly Organization[],
  folder: string,
): Promise<ExportedPeople> {
  const chunks = await createImportChunks(folder);
  const byId = new Map(organizations.map((each) => [each.id, each]));
  const [only] = organizations.length === 1 ? organizations : [];
  const meter = createMeter("users", undefined);
  const mayHaveMetadata = (state: HumanState) => metadataChangesOf(state) > 0;
  let exported = 0;
  try {
    for await (const page of walkUsers<HumanState>(transfer, only?.id, mayHaveMetadata)) {
      for await (const { userId, head, attributes } of page) {
        const organization = byId.get(head.organization);
        if (head.state.kind !== "present" || organization === undefined) continue;
        const metadata = attributes.map((each) => metadataRequest(userId, each));
        await chunks.add(organization, dataHumanUser(userId, head.state), metadata);
        exported += 1;
      }
      meter.show(exported, 0);
    }
    await chunks.end(organizations);
  } finally {
    meter.end();
  }
  return { exported, files: chunks.files() };
}

/** `DataHumanUser`. No language is written as none, not as `und`. */
function dataHumanUser(userId: string, human: PresentHuman): object {
  const { userName, profile, email, isEmailVerified, phone, isPhoneVerified, status } = human;
  const preferredLanguage = profile.preferredLanguage === "und" ? "" : profile.preferredLanguage;
  const request = create(ImportHumanUserRequestSchema, {
    userName,
    profile: { ...profile, preferredLanguage },
    email: { email, isEmailVerified },
    ...(phone !== "" && { phone: { phone, isPhoneVerified } }),
  });
  return { userId, state: stateName(status), user: toJson(ImportHumanUserRequestSchema, request) };
}

/** `SetUserMetadataRequest`. */
function metadataRequest(id: string, { key, value }: Attribute): object {
  return { id, key, value: Buffer.from(value).toString("base64") };
}
