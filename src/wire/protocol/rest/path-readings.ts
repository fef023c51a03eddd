/** One way to read a path: its segments as sent and decoded, without the verb. */
export type Reading = {
  readonly raw: readonly string[];
  readonly decoded: readonly string[];
  readonly verb: string;
};

/**
 * The ways to read a path. `/files/a:read` is the verb `read` of `/files/a`, or the segment `a:read`.
 *
 * @param rawPath As sent: not decoded, without the query.
 * @param verbs Those that some route has, decoded.
 * @param longestVerb Of `verbs`, in UTF-16 units.
 * @returns The readings to try, the longest verb first; none if nothing can match.
 */
export function readings(
  rawPath: string,
  verbs: ReadonlySet<string>,
  longestVerb: number,
): Reading[] {
  if (!/^\/[!-~]*$/.test(rawPath)) return [];
  const raw = rawPath === "/" ? [] : rawPath.slice(1).split("/");
  if (raw.includes("")) return [];
  const decoded = decodeSegments(raw);
  if (decoded === undefined) return [];

  const withVerb: Reading[] = [];
  const last = raw.at(-1) ?? "";
  // Only where a verb can begin, so that a path of many colons stays cheap. An escaped UTF-16 unit has up to
  // nine characters.
  const from = Math.max(1, last.length - 9 * longestVerb - 1);
  for (let colon = last.indexOf(":", from); colon !== -1; colon = last.indexOf(":", colon + 1)) {
    const verb = decodeURIComponent(last.slice(colon + 1));
    if (verb === "" || !verbs.has(verb)) continue;
    const subject = last.slice(0, colon);
    withVerb.push({
      raw: [...raw.slice(0, -1), subject],
      decoded: [...decoded.slice(0, -1), decodeURIComponent(subject)],
      verb,
    });
  }
  return [...withVerb, { raw, decoded, verb: "" }];
}

/** @returns `undefined` for an escape that is not UTF-8, and for NUL. */
function decodeSegments(raw: readonly string[]): readonly string[] | undefined {
  if (!raw.some((segment) => segment.includes("%"))) return raw;
  try {
    const decoded = raw.map((segment) => decodeURIComponent(segment));
    return decoded.some((segment) => segment.includes("\0")) ? undefined : decoded;
  } catch {
    return undefined;
  }
}
