import type { Config } from "./config.ts";
import { serveSettings, variableOf } from "./settings.ts";
import { isLoopback } from "./value-schemas.ts";

/** Settings that are accepted and are probably slips: one sentence each, with the remedy. */
export function warningsOf({ listen, demo, corsOrigins }: Config): string[] {
  if (isLoopback(listen.host)) return [];
  const open = `other machines can reach --listen ${listen.host}`;
  if (demo) {
    return [`--demo lets any web page call, and ${open}: leave --demo out, or listen on 127.0.0.1`];
  }
  return corsOrigins === "*"
    ? [`--cors-origin * lets any web page call, and ${open}: name the origins that may call`]
    : [];
}

/** The sentence for a variable that is no setting. Its value is not shown, because it may be a secret. */
export function unknownVariableWarning(name: string): string {
  const near = Object.keys(serveSettings)
    .map(variableOf)
    .find((known) => isNear(known, name));
  const remedy = near === undefined ? "giraffe serve --help lists the flags" : `is it ${near}?`;
  return `the variable ${name} is not a setting of Giraffe and does nothing: ${remedy}`;
}

/** Whether one name is the beginning of the other, underscores aside: `GIRAFFE_LOGLEVEL`, `GIRAFFE_DATABASE_URL`. */
function isNear(known: string, name: string): boolean {
  const [a, b] = [known, name].map((each) => each.replaceAll("_", "")) as [string, string];
  return a.startsWith(b) || b.startsWith(a);
}
