import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, Interceptor, ServiceImpl } from "@connectrpc/connect";
import { UserService as GiraffeUserService } from "../../gen/giraffe/v1/user_service_pb.ts";
import { ServerReflection as ReflectionV1 } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Health } from "../../gen/health/v1/health_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { UserService } from "../../gen/zitadel/user/v2/user_service_pb.ts";
import type { Authenticator } from "../access/caller.ts";
import type { FailedAttempts } from "../access/failed-attempts.ts";
import type { Directory } from "../store/directory.ts";
import type { EventStore, Micros } from "../store/event-store.ts";
import { createDeprecation } from "./deprecation.ts";
import { convertErrors, errorMessages } from "./errors.ts";
import { createExtras, fieldsBesideMask } from "./extras/extras.ts";
import { callerKey, createAuthenticate } from "./gate/authenticate.ts";
import { createAuthorize } from "./gate/authorize.ts";
import { createGate, type Gate } from "./gate/gate.ts";
import { type KnownOfCall, noteCall } from "./gate/note-call.ts";
import { permissionsFromServices } from "./gate/permissions.ts";
import { createEraseUser } from "./giraffe/erase-user.ts";
import { createListChanges } from "./giraffe/list-changes.ts";
import { createUpdateProfiles } from "./giraffe/update-profiles.ts";
import { createHealth, type Readiness } from "./health.ts";
import { createAddHumanUser } from "./management/add-human-user.ts";
import { createChangeHumanContact } from "./management/change-human-contact.ts";
import { createChangeUserStatus } from "./management/change-user-status.ts";
import { createGetHumanContact } from "./management/get-human-contact.ts";
import { createGetHumanProfile } from "./management/get-human-profile.ts";
import { createGetMyOrg } from "./management/get-my-org.ts";
import { createGetUser } from "./management/get-user.ts";
import { createIsUserUnique } from "./management/is-user-unique.ts";
import { createListUserChanges } from "./management/list-user-changes.ts";
import { createListUserMemberships } from "./management/list-user-memberships.ts";
import { createListUsers } from "./management/list-users.ts";
import { createLoadHuman } from "./management/one-user/load-human.ts";
import { createUpdateHumanProfile } from "./management/update-human-profile.ts";
import { createUpdateUserName } from "./management/update-user-name.ts";
import { createChangeUserMetadata, createReadUserMetadata } from "./management/user-metadata.ts";
import { createMetadataChanges } from "./metadata/change-metadata.ts";
import { methodName } from "./method-name.ts";
import { registerReflection } from "./reflection.ts";
import { giraffeAnswers, managementAnswers, userAnswers } from "./repeats/answers.ts";
import { repeatable } from "./repeats/repeatable.ts";
import { createTranslate } from "./translate/translate.ts";
import { createAddUser } from "./user/add-user.ts";
import { createChangeUserState } from "./user/change-user-state.ts";
import { createGetUserByID } from "./user/get-user-by-id.ts";
import { createListUsers as createListUsersOfInstance } from "./user/list-users.ts";
import { createSetContact } from "./user/set-contact.ts";
import { createUpdateHumanUser } from "./user/update-human-user.ts";
import { createUpdateUser } from "./user/update-user.ts";
import { createUserMetadata } from "./user/user-metadata.ts";
import { createValidate } from "./validate/validate.ts";

/** Two of ZITADEL's and one of our own. */
const userServices = [ManagementService, UserService, GiraffeUserService];
/** Everything that is served. */
export const services = [...userServices, Health, ReflectionV1, ReflectionV1Alpha];

const managementPrefix = "/management/v1";

/** What stands before the REST paths of a service, as in ZITADEL. Those of v2 and our own are whole. */
export const restPrefixes = { [ManagementService.typeName]: managementPrefix };

/** Methods that anyone may call without a token. Every other method declares a permission. */
const publicMethods = [
  "zitadel.management.v1.ManagementService/Healthz",
  "grpc.health.v1.Health/Check",
  "grpc.health.v1.Health/List",
  "grpc.health.v1.Health/Watch",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/**
 * Bytes of a request of such a method. They hold a name and no more, and without a token nobody has to answer for what it
 * costs to decompress and read them.
 */
export const maxPublicMessageBytes = 1_024;

/** For methods whose requests have a smaller limit than others. */
export function maxMessageBytesOf(method: DescMethod): number | undefined {
  return publicMethods.includes(methodName(method)) ? maxPublicMessageBytes : undefined;
}

/**
 * Methods that read or change much: a call may hold up the event loop for milliseconds. Batches have a limit of their own.
 */
export function isHeavy({ parent, name }: DescMethod): boolean {
  const isOfUsers = (userServices as readonly DescService[]).includes(parent);
  return isOfUsers && (name.startsWith("List") || name.startsWith("Bulk"));
}

/** What methods, gate and interceptors need. */
export type RpcParts = {
  readonly store: EventStore;
  readonly directory: Directory;
  readonly readiness: Readiness;
  readonly authenticators: readonly Authenticator[];
  readonly failures: FailedAttempts;
  readonly newId: () => string;
  readonly now: () => Micros;
  readonly defaultLanguage: string;
  /** Whether answers say that a method is deprecated. */
  readonly deprecationHeaders: boolean;
  /** Whether every change of a user needs `if-match`. */
  readonly requiresIfMatch: boolean;
  /** The id that the answer to a call carries. */
  readonly requestId: KnownOfCall["requestId"];
  /** Whether the client of a call still waits. */
  readonly waiter: KnownOfCall["waiter"];
  /** The client's address. */
  readonly peer: Parameters<typeof createAuthenticate>[0]["peer"];
};

/** Every service that is served. Methods without a handler answer `unimplemented`. */
export function createRoutes(parts: RpcParts): (router: ConnectRouter) => void {
  const { store, directory, readiness, newId, now } = parts;
  const loadHuman = createLoadHuman(store, directory);
  const metadataChanges = createMetadataChanges(store);
  return (router) => {
    const management: Partial<ServiceImpl<typeof ManagementService>> = {
      healthz: () => ({}),
      updateHumanProfile: createUpdateHumanProfile(store),
      getHumanProfile: createGetHumanProfile(loadHuman),
      updateUserName: createUpdateUserName(store),
      isUserUnique: createIsUserUnique(store),
      getMyOrg: createGetMyOrg(directory),
      listUserMemberships: createListUserMemberships(directory, now),
      listUsers: createListUsers(store, directory, now),
      listUserChanges: createListUserChanges(store, directory),
      ...createGetUser(store, directory),
      ...createReadUserMetadata(store, now),
      ...createChangeUserMetadata(metadataChanges),
      ...createGetHumanContact(loadHuman),
      ...createChangeHumanContact(store),
      ...createAddHumanUser(store, newId),
      ...createChangeUserStatus(store),
    };
    const users: Partial<ServiceImpl<typeof UserService>> = {
      getUserByID: createGetUserByID(parts),
      listUsers: createListUsersOfInstance(parts),
      updateHumanUser: createUpdateHumanUser(parts),
      updateUser: createUpdateUser(parts, metadataChanges),
      ...createAddUser(parts),
      ...createSetContact(parts),
      ...createUserMetadata(parts, metadataChanges),
      ...createChangeUserState(parts),
    };
    router.service(ManagementService, repeatable(store.receipts, management, managementAnswers));
    router.service(UserService, repeatable(store.receipts, users, userAnswers));
    const ours: Partial<ServiceImpl<typeof GiraffeUserService>> = {
      listChanges: createListChanges(parts),
      updateProfiles: createUpdateProfiles(parts),
      eraseUser: createEraseUser(parts),
    };
    router.service(GiraffeUserService, repeatable(store.receipts, ours, giraffeAnswers));
    router.service(Health, createHealth(readiness, userServices));
    registerReflection(router, [...userServices, Health], errorMessages);
  };
}

/**
 * The gate before every call: it authenticates and authorizes the caller. The body of a call that it
 * refuses is not read.
 *
 * @throws Error if a method is neither public nor declares its permission.
 */
export function createRequestGate(parts: RpcParts): Gate {
  const permissionOf = permissionsFromServices(services, publicMethods);
  const { directory, authenticators, failures, peer } = parts;
  const isPublic: Parameters<typeof createAuthenticate>[0]["isPublic"] = (method) =>
    permissionOf(method) === undefined;
  const gate = createGate(
    createAuthenticate({ authenticators, isPublic, failures, peer }),
    createAuthorize({ directory, permissionOf }),
  );
  const noted = noteCall(gate, parts);
  return parts.deprecationHeaders ? createDeprecation(noted, managementPrefix) : noted;
}

/**
 * The interceptors around every handler, outermost first. Errors are translated while they still are
 * ServiceErrors, and converted after that.
 */
export function createInterceptors(
  parts: Pick<RpcParts, "defaultLanguage" | "requiresIfMatch">,
): Interceptor[] {
  return [
    convertErrors,
    createTranslate({
      defaultLanguage: parts.defaultLanguage,
      callerLanguage: (values) => values.get(callerKey)?.language,
    }),
    createValidate(fieldsBesideMask),
    createExtras(parts),
  ];
}
