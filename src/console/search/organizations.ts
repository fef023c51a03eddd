import { createClient } from "@connectrpc/connect";
import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { createApi, createTransport } from "../api.ts";
import { byId, fromTemplate } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { hrefTo } from "../route.ts";
import type { Session } from "../sign-in/session.ts";
import { noTerms } from "./terms.ts";

/** More organizations are not looked for: each needs a call, and a search may have a hundred queries. */
const maxOrganizations = 50;

/**
 * Show the name of the organization, and behind it a list of those that the caller can read people of, as links.
 *
 * No call lists organizations. So the first user is asked for, then the first one who is in another organization than
 * those that are known, and so on, when somebody opens the list. An organization without users is not found this way.
 */
export function showOrganizations(session: Session): void {
  const part = byId("organizations", HTMLDetailsElement);
  const name = byId("place", HTMLElement);
  const list = byId("organization-list", HTMLUListElement);
  const status = byId("organization-status", HTMLElement);
  const template = byId("organization-template", HTMLTemplateElement);
  const users = createClient(UserService, createTransport(session));

  /** The id and the name; the id twice if the caller may not read the name. */
  async function read(organization: string): Promise<{ id: string; name: string }> {
    try {
      const { org } = await createApi(createTransport({ ...session, organization })).getMyOrg({});
      return { id: org?.id ?? organization, name: org?.name || organization };
    } catch (error) {
      problemFrom(error);
      return { id: organization, name: organization };
    }
  }

  async function next(known: readonly string[]): Promise<string | undefined> {
    const others = known.map((organizationId) => ({
      query: { case: "organizationIdQuery", value: { organizationId } } as const,
    }));
    const elsewhere = { case: "orQuery", value: { queries: others } } as const;
    const { result } = await users.listUsers({
      query: { limit: 1, asc: true },
      queries: [{ query: { case: "notQuery", value: { query: { query: elsewhere } } } }],
    });
    return result[0]?.details?.resourceOwner;
  }

  async function show(): Promise<void> {
    turn += 1;
    const own = turn;
    const here = await current;
    list.replaceChildren();
    status.textContent = "Looking…";
    const known: string[] = [];
    try {
      for (;;) {
        const id = await next(known);
        if (id === undefined || known.length === maxOrganizations) break;
        known.push(id);
        const found = await read(id);
        if (own !== turn) return;
        const item = fromTemplate(template, { name: found.name });
        const link = item.querySelector("a");
        link?.setAttribute("href", hrefTo({ userId: "", terms: noTerms, organization: id }));
        if (id === here.id) link?.setAttribute("aria-current", "true");
        list.append(item);
      }
      status.textContent = known.length === maxOrganizations ? "There may be more." : "";
    } catch (error) {
      status.textContent = problemFrom(error).text;
    }
  }

  /** Counts how often the list was opened: each time it is made anew, although calls of the last time may be under way. */
  let turn = 0;
  const current = read(session.organization);
  void current.then((organization) => {
    name.textContent = organization.name || "Organization";
  });
  part.addEventListener("toggle", () => {
    if (part.open) void show();
  });
}
