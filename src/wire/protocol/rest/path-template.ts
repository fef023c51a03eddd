/** What one segment of a path must be. */
export type TemplateSegment =
  /** This text, percent-decoded. */
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: any one segment that is not empty. */
  | { readonly kind: "one" }
  /** `**`: all segments that follow, also none. Always the last. */
  | { readonly kind: "rest" };

/** A field of the request that takes its value from the path. */
export type TemplateVariable = {
  /** Proto field names, joined by dots. */
  readonly fieldPath: string;
  /** Index of the first segment it captures. */
  readonly start: number;
  /** Index after the last segment it captures; `Infinity` if that one is `**`. */
  readonly end: number;
};

/** A path template, parsed. */
export type PathTemplate = {
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** What follows the colon after the last segment, percent-decoded; empty if there is none. */
  readonly verb: string;
};

/**
 * A piece between two slashes: `{field=` or, complete, `{field}` opens a variable, `}` closes it.
 * Groups: field path, the `=`, segment, the closing brace.
 */
const piecePattern = /^(?:\{([^={}]*)(=|(?=\}$)))?([^{}]*)(\})?$/;
const fieldPathPattern = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
/** What RFC 3986 allows in a segment, without `*` and `:`, which mean something here. */
const literalPattern = /^(?:[\w\-.~!$&'()+,;=@]|%[\dA-Fa-f]{2})+$/;
const verbPattern = /^(?:[\w\-.~!$&'()+,;=@:]|%[\dA-Fa-f]{2})+$/;

/**
 * Read a path template of `google.api.http`, such as `/v1/{name=shelves/*}/books:search`.
 *
 * The verb begins at the first colon. It may contain further ones.
 *
 * Source: googleapis google/api/http.proto, "Path template syntax".
 *
 * @throws Error With the template and what is wrong with it.
 */
export function parsePathTemplate(template: string): PathTemplate {
  const invalid = (reason: string) =>
    new Error(`invalid path template ${JSON.stringify(template)}: ${reason}`);
  const decode = (pattern: RegExp, text: string, what: string): string => {
    try {
      if (pattern.test(text)) return decodeURIComponent(text);
    } catch {
      // Well-formed escapes of something that is not UTF-8: the same refusal.
    }
    throw invalid(`${JSON.stringify(text)} is not a ${what}`);
  };

  if (!template.startsWith("/")) throw invalid('it must start with "/"');
  const colon = template.indexOf(":");
  const path = colon === -1 ? template : template.slice(0, colon);
  const verb = colon === -1 ? "" : decode(verbPattern, template.slice(colon + 1), "verb");

  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  let open: { readonly fieldPath: string; readonly start: number } | undefined;
  for (const piece of path.slice(1).split("/")) {
    const match = piecePattern.exec(piece);
    if (match === null) throw invalid("a variable consists of whole segments, none in another");
    const [, fieldPath, equals, text = "", close] = match;

    if (fieldPath !== undefined) {
      if (open !== undefined) throw invalid("a variable cannot contain another");
      if (!fieldPathPattern.test(fieldPath)) {
        throw invalid(`${JSON.stringify(fieldPath)} is not a field path`);
      }
      if (variables.some((variable) => variable.fieldPath === fieldPath)) {
        throw invalid(`variable ${fieldPath} appears twice`);
      }
      open = { fieldPath, start: segments.length };
    }

    if (segments.at(-1)?.kind === "rest") throw invalid('"**" must be the last segment');
    if (text === "*" || equals === "") segments.push({ kind: "one" });
    else if (text === "**") segments.push({ kind: "rest" });
    else if (text === "") throw invalid("it has an empty segment");
    else segments.push({ kind: "literal", text: decode(literalPattern, text, "segment") });

    if (close !== undefined) {
      if (open === undefined) throw invalid('"}" closes nothing');
      const end = segments.at(-1)?.kind === "rest" ? Number.POSITIVE_INFINITY : segments.length;
      variables.push({ ...open, end });
      open = undefined;
    }
  }
  if (open !== undefined) throw invalid(`variable ${open.fieldPath} is not closed`);
  return { segments, variables, verb };
}
