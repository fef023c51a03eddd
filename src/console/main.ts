import { createApi } from "./api.ts";
import { byId, say } from "./dom.ts";
import { createPerson } from "./person/person.ts";
import { userIdOf } from "./route.ts";
import { createSearch, type Search } from "./search.ts";
import { endSession, readSession, type Session, takeNotice } from "./session.ts";
import { signIn } from "./sign-in.ts";

const kept = readSession();
const search = showPeople(kept ?? (await signIn(takeNotice())));
if (kept === undefined) search.start();

function showPeople(session: Session): Search {
  const api = createApi(session, () =>
    endSession("This token is not accepted any more. Sign in again."),
  );
  const main = byId("people", HTMLElement);
  const search = createSearch(api);
  const person = createPerson(api, () => void search.refresh());

  async function follow(): Promise<void> {
    const userId = userIdOf(location.hash);
    document.title = userId === "" ? "People – Giraffe" : "Profile – Giraffe";
    main.dataset.view = userId === "" ? "list" : "person";
    search.mark(userId);
    await person.show(userId);
  }

  const signOut = byId("sign-out", HTMLButtonElement);
  signOut.hidden = false;
  signOut.addEventListener("click", () => endSession());
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
