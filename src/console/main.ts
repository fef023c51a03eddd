import { createApi } from "./api.ts";
import { byId, say } from "./dom.ts";
import { createDrafts } from "./drafts.ts";
import { createPerson } from "./person/person.ts";
import { createQuestion } from "./question.ts";
import { userIdOf } from "./route.ts";
import { createSearch, type Search } from "./search.ts";
import { forgetSession, leaveNotice, readSession, type Session, takeNotice } from "./session.ts";
import { signIn } from "./sign-in.ts";
import { createUnsaved } from "./unsaved.ts";

const question = createQuestion();
const drafts = createDrafts(sessionStorage, () => unsaved.show(userIdOf(location.hash)));
const unsaved = createUnsaved(drafts, question);
/** The page is loaded again by itself, so nothing is lost. */
let isLoadingAgain = false;

window.addEventListener("beforeunload", (event) => {
  if (!isLoadingAgain && drafts.people().length > 0) event.preventDefault();
});

const kept = readSession();
const search = showPeople(kept ?? (await signIn(takeNotice())));
if (kept === undefined) search.start();

function showPeople(session: Session): Search {
  const api = createApi(session, () => {
    const typed = drafts.people().length === 0 ? "" : " What you typed is still here.";
    leaveNotice(`This token is not accepted any more. Sign in again.${typed}`);
    endSession();
  });
  const main = byId("people", HTMLElement);
  const search = createSearch(api);
  const person = createPerson({ api, drafts, question, onChanged: () => void search.refresh() });

  async function follow(): Promise<void> {
    const userId = userIdOf(location.hash);
    document.title = userId === "" ? "People – Giraffe" : "Profile – Giraffe";
    main.dataset.view = userId === "" ? "list" : "person";
    search.mark(userId);
    unsaved.show(userId);
    await person.show(userId);
  }

  const signOut = byId("sign-out", HTMLButtonElement);
  signOut.hidden = false;
  signOut.addEventListener("click", () => void leave());
  const { organization } = session;
  say(byId("place", HTMLElement), organization === "" ? "" : `Organization ${organization}`);
  window.addEventListener("hashchange", async () => {
    await follow();
    if (main.dataset.view === "list") search.focus();
    else person.focus();
  });
  main.hidden = false;
  void search.refresh();
  void follow();
  return search;
}

/** Sign out, and forget everything. */
async function leave(): Promise<void> {
  const text = "What you typed is not saved, and will be forgotten.";
  const isSaved = drafts.people().length === 0;
  if (!isSaved && !(await question.ask("Sign out?", text, "Sign out"))) return;
  drafts.clear();
  history.replaceState(null, "", "#/");
  endSession();
}

/** Load the page again, so that nothing of what it has shown remains, except for drafts and the address. */
function endSession(): void {
  forgetSession();
  isLoadingAgain = true;
  location.reload();
}
