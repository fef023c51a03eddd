/** A state of ZITADEL's: how a line of an import says it, or that such a user is not taken. */
export type KnownState = { readonly state: string } | { readonly isGone: true };

const active = { state: "USER_STATE_ACTIVE" };
const inactive = { state: "USER_STATE_INACTIVE" };
const locked = { state: "USER_STATE_LOCKED" };
const gone = { isGone: true } as const;

/** By name and by number. Initial users have no password yet, which is no matter here. */
const states: ReadonlyMap<string, KnownState> = new Map<string, KnownState>([
  ["USER_STATE_UNSPECIFIED", active],
  ["USER_STATE_ACTIVE", active],
  ["USER_STATE_INACTIVE", inactive],
  ["USER_STATE_DELETED", gone],
  ["USER_STATE_LOCKED", locked],
  ["USER_STATE_SUSPEND", inactive],
  ["USER_STATE_INITIAL", active],
  ["0", active],
  ["1", active],
  ["2", inactive],
  ["3", gone],
  ["4", locked],
  ["5", inactive],
  ["6", active],
]);

/** Missing means active: exports before 2025 say no states. `undefined`: there is no such state. */
export function stateFrom(state: unknown): KnownState | undefined {
  return state === undefined || state === null ? active : states.get(String(state));
}
