import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { UpdateHumanProfileRequestSchema } from "../../gen/zitadel/management_pb.ts";
import type { HumanState } from "../../src/domain/human-state.ts";
import type { Variant } from "./measure/load.ts";
import { frame, restPrefix, rpcPath } from "./protocols.ts";

/** The organization that `serve` creates in an empty database. */
export const organization = "69629023906488334";

export const userIds = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => userId(index));

/** An id in the form of real ones: 18 digits. */
export const userId = (index: number) => `3${String(index).padStart(17, "0")}`;

const profileOf = (index: number) => ({
  firstName: `First ${index}`,
  lastName: `Last ${index % 1000}`,
  nickName: "",
  displayName: `User ${index}`,
});

/** A line for `giraffe import`. */
export function userLine(index: number): string {
  const email = `user-${index}@giraffe.example`;
  const user = { userId: userId(index), userName: email, email: { email } };
  return `${JSON.stringify({ ...user, profile: profileOf(index) })}\n`;
}

/** The state of the user that the line creates. */
export function firstState(index: number): HumanState {
  const email = `user-${index}@giraffe.example`;
  return {
    kind: "present",
    status: "active",
    userName: email,
    email,
    isEmailVerified: false,
    phone: "",
    isPhoneVerified: false,
    profile: { ...profileOf(index), preferredLanguage: "und", gender: 0 },
  };
}

/** An update of one user over gRPC. */
export function updateFrame(index: number, nickName: string): Buffer {
  const profile = { ...profileOf(index), userId: userId(index), nickName };
  return frame(
    0,
    toBinary(UpdateHumanProfileRequestSchema, create(UpdateHumanProfileRequestSchema, profile)),
  );
}

/** Two updates of one user in a row differ, even if calls in flight overtake each other. */
const nickNames = Array.from({ length: 20_000 }, (_, index) => `Gi ${index}`);

/**
 * Updates that all change something if they are sent in turn.
 *
 * @param users How many users. Each gets one nick name, then another. A single user gets 20,000 in turn.
 */
export function updates(users: number): {
  readonly grpc: readonly Variant[];
  readonly rest: readonly Variant[];
} {
  const requests = nickNames.slice(0, users === 1 ? undefined : 2).flatMap((nickName) =>
    Array.from({ length: users }, (_, index) =>
      create(UpdateHumanProfileRequestSchema, {
        ...profileOf(index),
        userId: userId(index),
        nickName,
      }),
    ),
  );
  return {
    grpc: requests.map((request) => ({
      path: rpcPath,
      body: frame(0, toBinary(UpdateHumanProfileRequestSchema, request)),
    })),
    rest: requests.map((request) => ({
      path: `${restPrefix}/users/${request.userId}/profile`,
      body: Buffer.from(toJsonString(UpdateHumanProfileRequestSchema, request)),
    })),
  };
}
