import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { UserService as GiraffeUserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { Head } from "../../store/event-store.ts";
import {
  detailsFromHead,
  detailsOfSetMetadata,
  timestampFromMicros,
} from "../management/messages/details.ts";
import { detailsOfWrite } from "../user/messages/details.ts";

/** What the answer to a change is made of. */
export type Written = Omit<Head<unknown>, "state"> & { readonly userId: string };

/** The answer to each method that changes one person, as its handler gives it. */
type Answers<Methods> = {
  readonly [Name in keyof Methods]?: Methods[Name] extends { output: infer Output }
    ? (written: Written) => MessageInitShape<Output & DescMessage>
    : never;
};

const details = (written: Written) => ({ details: detailsFromHead(written) });
const added = (written: Written) => ({ userId: written.userId, ...details(written) });

/** Of v1. Only what is listed here can be repeated with a key. */
export const managementAnswers = {
  updateHumanProfile: details,
  updateUserName: details,
  updateHumanEmail: details,
  updateHumanPhone: details,
  removeHumanPhone: details,
  deactivateUser: details,
  reactivateUser: details,
  lockUser: details,
  unlockUser: details,
  removeUser: details,
  addHumanUser: added,
  importHumanUser: added,
  setUserMetadata: (written) => ({ details: detailsOfSetMetadata(written) }),
  bulkSetUserMetadata: details,
  removeUserMetadata: details,
  bulkRemoveUserMetadata: details,
} satisfies Answers<(typeof ManagementService)["method"]>;

const writeDetails = (written: Written) => ({ details: detailsOfWrite(written) });

/** Of v2. */
export const userAnswers = {
  updateHumanUser: writeDetails,
  updateUser: ({ changedAt }) => ({ changeDate: timestampFromMicros(changedAt) }),
  setEmail: writeDetails,
  setPhone: writeDetails,
  removePhone: writeDetails,
  deactivateUser: writeDetails,
  reactivateUser: writeDetails,
  lockUser: writeDetails,
  unlockUser: writeDetails,
  deleteUser: writeDetails,
  addHumanUser: (written) => ({ userId: written.userId, ...writeDetails(written) }),
  createUser: ({ userId, createdAt }) => ({
    id: userId,
    creationDate: timestampFromMicros(createdAt),
  }),
  setUserMetadata: ({ changedAt }) => ({ setDate: timestampFromMicros(changedAt) }),
  deleteUserMetadata: ({ changedAt }) => ({ deletionDate: timestampFromMicros(changedAt) }),
} satisfies Answers<(typeof UserService)["method"]>;

/** Of our own. */
export const giraffeAnswers = {
  eraseUser: writeDetails,
} satisfies Answers<(typeof GiraffeUserService)["method"]>;
