import { type DescMethod, getOption } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { UserService } from "../../gen/zitadel/user/v2/user_service_pb.ts";
import type { Gate } from "./gate/gate.ts";

type V1 = keyof typeof ManagementService.method;
type V2 = keyof typeof UserService.method;

/**
 * The method of v2 that does the work of a method of v1. A method that is not here has none, and is not
 * deprecated. `docs/zitadel.md` has the same table, with the rules that differ.
 */
export const successors: Readonly<Partial<Record<V1, V2>>> = {
  updateHumanProfile: "updateUser",
  updateUserName: "updateUser",
  updateHumanEmail: "updateUser",
  updateHumanPhone: "updateUser",
  removeHumanPhone: "updateUser",
  getHumanProfile: "getUserByID",
  getHumanEmail: "getUserByID",
  getHumanPhone: "getUserByID",
  getUserByID: "getUserByID",
  getUserByLoginNameGlobal: "listUsers",
  isUserUnique: "listUsers",
  listUsers: "listUsers",
  addHumanUser: "createUser",
  importHumanUser: "createUser",
  deactivateUser: "deactivateUser",
  reactivateUser: "reactivateUser",
  lockUser: "lockUser",
  unlockUser: "unlockUser",
  removeUser: "deleteUser",
  setUserMetadata: "setUserMetadata",
  bulkSetUserMetadata: "setUserMetadata",
  removeUserMetadata: "deleteUserMetadata",
  bulkRemoveUserMetadata: "deleteUserMetadata",
  getUserMetadata: "listUserMetadata",
  listUserMetadata: "listUserMetadata",
};

/**
 * When ZITADEL 4.1.0 was released, the first in which every successor has a REST path: 2025-09-01, as the
 * date of RFC 9745.
 */
const deprecation = "@1756684800";

/** As the field rules have it. A longer id is refused, so there is nothing to link to. */
const maxUserIdLength = 200;

/**
 * Say in the answers to deprecated calls over REST that they are deprecated (RFC 9745), and what to call
 * instead (RFC 5829). Refusals say so, too.
 *
 * @param gate Is asked after that.
 * @param prefix Stands before the REST paths of v1.
 */
export function createDeprecation(gate: Gate, prefix: string): Gate {
  const links = new Map<DescMethod, Link>(
    Object.entries(successors).map(([old, successor]) => {
      const v1 = ManagementService.method[old as V1];
      return [v1, createLink(`${prefix}${pathOf(v1)}`, pathOf(UserService.method[successor]))];
    }),
  );
  return (context) => {
    const link = context.protocolName === "rest" ? links.get(context.method) : undefined;
    if (link !== undefined) announce(context, link(context.url));
    return gate(context);
  };
}

function announce({ responseHeader }: HandlerContext, target: string | undefined): void {
  responseHeader.set("deprecation", deprecation);
  if (target !== undefined) responseHeader.set("link", `<${target}>; rel="successor-version"`);
}

/** The path of the successor for the URL of a call; `undefined` if the call names no possible user. */
type Link = (url: string) => string | undefined;

/** @param from Its first variable is the id of the user, like the only one of `to`. */
function createLink(from: string, to: string): Link {
  if (!to.includes("{")) return () => to;
  const place = from.split("/").findIndex(isVariable);
  if (place === -1) throw new Error(`${from} names no user, but ${to} does`);
  return (url) => {
    const id = decodeURIComponent(segmentsOf(url)[place] ?? "");
    if (id.length > maxUserIdLength) return undefined;
    const fill = (segment: string) => (isVariable(segment) ? encodeURIComponent(id) : segment);
    return to.split("/").map(fill).join("/");
  };
}

const isVariable = (segment: string): boolean => segment.startsWith("{");

/** Of the path of a URL, as sent: the router has decoded them, so they can be decoded. */
function segmentsOf(url: string): readonly string[] {
  const [path = ""] = url.slice(url.indexOf("/", "http://".length)).split("?", 1);
  return path.split("/");
}

/** The path of the REST rule of a method. */
function pathOf(method: DescMethod): string {
  const { pattern } = getOption(method, http);
  if (pattern.case === undefined || pattern.case === "custom")
    throw new Error(`${method.name} has no path`);
  return pattern.value;
}
