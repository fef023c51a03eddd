import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Organization } from "../../../gen/zitadel/object/v2/object_pb.ts";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { type ErrorKey, ServiceError } from "../../domain/errors.ts";
import { advance } from "../../domain/human.ts";
import type { HumanState } from "../../domain/human-state.ts";
import { advanceMetadata, type MetadataEntry, noMetadata } from "../../domain/metadata.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore, Head } from "../../store/event-store.ts";
import { addUnderNewId } from "../add-human.ts";
import { changeHumanBy, type HumanStep } from "../change-human.ts";
import { maxOrganizationLength, organizationKey } from "../gate/authorize.ts";
import { assertPermitted, membershipsKey } from "../gate/standing.ts";
import { isAdded, timestampFromMicros } from "../management/messages/details.ts";
import { noteRights } from "../repeats/repeat.ts";
import { assertFreeId } from "./free-id.ts";
import {
  type NewHuman,
  newHumanFromAddRequest,
  newHumanFromCreateRequest,
} from "./messages/add-command.ts";
import { detailsOfWrite } from "./messages/details.ts";

type AddMethods = Pick<ServiceImpl<typeof UserService>, "addHumanUser" | "createUser">;

type AddParts = {
  readonly store: EventStore;
  readonly directory: Directory;
  /** Makes an id. Another server may have taken it. */
  readonly newId: () => string;
};

/** Add a human, who is active at once, in the organization that the request names. */
export function createAddUser({ store, directory, newId }: AddParts): AddMethods {
  const add = async (
    context: HandlerContext,
    organization: string,
    givenId: string | undefined,
    { command, metadata }: NewHuman,
  ): Promise<{ readonly userId: string; readonly head: Head<HumanState> }> => {
    noteRights(context.values, { organization, permissions: ["user.write"] });
    const addUnder = (id: string) =>
      changeHumanBy(store, context, id, organization, (state) =>
        withMetadata(advance(command, state), metadata),
      );
    if (givenId === undefined) return addUnderNewId(store, newId, command, addUnder);
    await assertFreeId({ store, directory }, context.values, givenId, organization);
    return { userId: givenId, head: await addUnder(givenId) };
  };

  const assertOrganization = async (id: string, missing: ErrorKey) => {
    const isFound =
      id.length <= maxOrganizationLength && (await directory.organization(id)) !== undefined;
    if (!isFound) throw new ServiceError(missing);
  };

  return {
    async addHumanUser(request, context) {
      const { values } = context;
      const organization = namedOrganization(request.organization) ?? values.get(organizationKey);
      await assertOrganization(organization, "organizationNotFound");
      assertPermitted(values.get(membershipsKey), organization, ["user.write"]);
      const human = newHumanFromAddRequest(request);
      const { userId, head } = await add(context, organization, request.userId, human);
      return { userId, details: detailsOfWrite(head) };
    },

    async createUser(request, context) {
      const { organizationId, userId } = request;
      const human = newHumanFromCreateRequest(request);
      const memberships = context.values.get(membershipsKey);
      assertPermitted(memberships, organizationId, ["user.write"], "userPermissionMissing");
      await assertOrganization(organizationId, "createOrganizationNotFound");
      const { userId: id, head } = await add(context, organizationId, userId, human);
      return isAdded(head) ? { id, creationDate: timestampFromMicros(head.createdAt) } : { id };
    },
  };
}

/** Sets the metadata of a human who has just been added, and so has none. */
function withMetadata(step: HumanStep, entries: readonly MetadataEntry[]): HumanStep {
  if (entries.length === 0) return step;
  const set = { type: "set-metadata", entries } as const;
  const { events, total: _, ...next } = advanceMetadata(set, step.state, noMetadata);
  return { ...step, ...next, events: [...step.events, ...events] };
}

/**
 * @returns `undefined` if the request names none.
 * @throws ServiceError `organizationNotFound` for a domain: organizations have none.
 */
function namedOrganization(organization: Organization | undefined): string | undefined {
  const org = organization?.org;
  if (org?.case === "orgDomain") throw new ServiceError("organizationNotFound");
  return org?.value || undefined;
}
