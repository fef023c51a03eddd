import { createApi, createTransport } from "./api.ts";
import { byId } from "./dom.ts";
import { createDrafts } from "./form/drafts.ts";
import { createUnsaved } from "./form/unsaved.ts";
import { createPerson } from "./person/person.ts";
import { createQuestion } from "./question.ts";
import { hrefTo, hrefToUser, placeFrom } from "./route.ts";
import { showOrganizations } from "./search/organizations.ts";
import { createSearch, type Search } from "./search/search.ts";
import { createOtherTabs } from "./sign-in/other-tabs.ts";
import {
  forgetSession,
  keepSession,
  leaveEnd,
  readSession,
  type Session,
  takeEnd,
} from "./sign-in/session.ts";
import { signIn } from "./sign-in/sign-in.ts";

const question = createQuestion();
const drafts = createDrafts(sessionStorage, () => unsaved.show(placeFrom(location.hash).userId));
const unsaved = createUnsaved(drafts, question);
const tabs = createOtherTabs(() => end("You have signed out in another tab."));
/** The page is loaded again by itself, so nothing is lost. */
let isLoadingAgain = false;
/** The token that the page calls with. */
let token = "";

window.addEventListener("beforeunload", (event) => {
  if (!isLoadingAgain && drafts.people().length > 0) event.preventDefault();
});

const kept = readSession();
const session = inPlace(kept ?? (await signIn(takeEnd(), tabs)));
token = session.token;
tabs.share(session);
const search = showPeople(session);
if (kept === undefined && placeFrom(location.hash).userId === "") search.start();

/** A link may lead to another organization than the one that was worked in. It is named in every link from then on. */
function inPlace(before: Session): Session {
  const place = placeFrom(location.hash);
  const organization = place.organization || before.organization;
  const now = { ...before, organization };
  keepSession(now);
  if (organization !== place.organization)
    history.replaceState(null, "", hrefTo({ ...place, organization }));
  return now;
}

function showPeople(current: Session): Search {
  const transport = createTransport(current, () =>
    end("This token is not accepted any more. Sign in again."),
  );
  const main = byId("people", HTMLElement);
  const back = byId("back", HTMLAnchorElement);
  const search = createSearch(createApi(transport));
  const person = createPerson({
    transport,
    drafts,
    question,
    onChanged: () => void search.refresh(),
  });
  let shown: string | undefined;

  /** @returns Whether somebody else is shown, or nobody any more. */
  async function follow(): Promise<boolean> {
    const { userId, terms } = placeFrom(location.hash);
    document.title = userId === "" ? "People – Giraffe" : "Profile – Giraffe";
    main.dataset.view = userId === "" ? "list" : "person";
    back.href = hrefToUser("");
    search.follow(terms, userId);
    if (userId === shown) return false;
    shown = userId;
    unsaved.show(userId);
    await person.show(userId);
    return true;
  }

  /** A link to a user may have been made before somebody looked for something else. It keeps the address as it is now. */
  function renew({ target }: MouseEvent): void {
    const link = target instanceof Element ? target.closest("a") : null;
    if (link === null || !link.hash.startsWith("#/users/")) return;
    search.settle();
    link.href = hrefToUser(placeFrom(link.hash).userId);
  }

  document.addEventListener("click", renew);
  const signOut = byId("sign-out", HTMLButtonElement);
  signOut.hidden = false;
  signOut.addEventListener("click", () => void leave());
  window.addEventListener("hashchange", async () => {
    const { organization } = placeFrom(location.hash);
    if (organization !== "" && organization !== current.organization) return loadAgain();
    if (!(await follow())) return;
    if (main.dataset.view === "list") search.focus();
    else person.focus();
  });
  main.hidden = false;
  showOrganizations(current);
  void follow();
  return search;
}

/** Sign out, in every tab, and forget everything. */
async function leave(): Promise<void> {
  const text = "What you typed is not saved, and will be forgotten.";
  const isSaved = drafts.people().length === 0;
  if (!isSaved && !(await question.ask("Sign out?", text, "Sign out"))) return;
  drafts.clear();
  tabs.end(token);
  history.replaceState(null, "", "#/");
  end("");
}

/** Ask for another sign-in. Unsaved input and the address stay. */
function end(notice: string): void {
  const typed =
    notice === "" || drafts.people().length === 0 ? "" : " What you typed is still here.";
  leaveEnd({ notice: `${notice}${typed}`, token });
  forgetSession();
  loadAgain();
}

/** Nothing of what the page has shown remains. */
function loadAgain(): void {
  isLoadingAgain = true;
  location.reload();
}
