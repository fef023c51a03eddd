import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type {
  AddHumanUserRequest,
  ImportHumanUserRequest,
  ManagementService,
} from "../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../domain/errors.ts";
import { userNameClaim } from "../domain/human.ts";
import { profileFrom } from "../domain/profile.ts";
import { ClaimTakenError, type EventStore } from "../store/event-store.ts";
import { changeUser } from "./change-user.ts";
import { detailsFromHead } from "./details.ts";

type AddMethods = Pick<ServiceImpl<typeof ManagementService>, "addHumanUser" | "importHumanUser">;

/** How often a new id may turn out to be taken. Once is unheard of. */
const maxAttempts = 3;

/**
 * Add a human, who is active at once.
 *
 * What we do not keep (passwords, one-time codes, links to identity providers) is refused by name,
 * never dropped silently.
 *
 * @param newId Makes an id; it may be taken by another node at the same moment.
 */
export function createAddHumanUser(store: EventStore, newId: () => string): AddMethods {
  async function add(
    request: AddHumanUserRequest | ImportHumanUserRequest,
    context: HandlerContext,
    attempt = 1,
  ) {
    const userId = newId();
    try {
      const head = await changeUser(store, context, userId, commandFrom(request));
      return { userId, details: detailsFromHead(head) };
    } catch (error) {
      if (!isTaken(error)) throw error;
      const holder = await store.locate(userNameClaim(request.userName.trim()));
      if (holder !== undefined || attempt === maxAttempts)
        throw new ServiceError("userAlreadyExists");
      return add(request, context, attempt + 1);
    }
  }

  return {
    addHumanUser(request, context) {
      refuseFields({ initial_password: request.initialPassword !== "" });
      return add(request, context);
    },
    importHumanUser(request, context) {
      refuseFields({
        password: request.password !== "",
        hashed_password: request.hashedPassword !== undefined,
        password_change_required: request.passwordChangeRequired,
        request_passwordless_registration: request.requestPasswordlessRegistration,
        otp_code: request.otpCode !== "",
        idps: request.idps.length > 0,
      });
      return add(request, context);
    },
  };
}

/** @param fields By name, whether the request uses them. */
function refuseFields(fields: Record<string, boolean>): void {
  const used = Object.keys(fields).find((name) => fields[name]);
  if (used !== undefined) {
    throw new ServiceError("fieldNotSupported", { message: `field ${used} is not supported` });
  }
}

/** Field rules have seen to it that profile and e-mail are there. */
function commandFrom({
  userName,
  profile,
  email,
  phone,
}: AddHumanUserRequest | ImportHumanUserRequest) {
  if (profile === undefined) throw new ServiceError("fieldInvalid");
  return {
    type: "add",
    userName,
    email: email?.email ?? "",
    isEmailVerified: email?.isEmailVerified ?? false,
    phone: phone?.phone ?? "",
    isPhoneVerified: phone?.isPhoneVerified ?? false,
    profile: profileFrom(profile),
  } as const;
}

function isTaken(error: unknown): boolean {
  return (
    error instanceof ClaimTakenError ||
    (error instanceof ServiceError && error.key === "userAlreadyExists")
  );
}
