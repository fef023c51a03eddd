import { type Reading, readings } from "./path-readings.ts";
import { parsePathTemplate, type TemplateVariable } from "./path-template.ts";

/** What a path template leads to. */
export type RestRoute<Value> = {
  /** Case-sensitive. `*` stands for every method that has no route of its own there. */
  readonly httpMethod: string;
  /** Literal segments before the template, such as `/management/v1`. Default: none. */
  readonly prefix?: string;
  /** Path template of `google.api.http`, without the prefix. */
  readonly template: string;
  readonly value: Value;
};

/** What a router has found for a request. */
export type RestMatch<Value> =
  | {
      readonly kind: "found";
      readonly value: Value;
      /**
       * Decoded text by field path. A value of several segments keeps `%2F` as sent, to tell it
       * from the slashes between them.
       */
      readonly variables: ReadonlyMap<string, string>;
    }
  /** The methods of the best template only. Others may match by chance, as `/users/{id}` matches `/users/human`. */
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "not-found" };

/** Finds the route of a request. */
export type RestRouter<Value> = {
  /** @param rawPath As sent: not decoded, not normalised, without the query. */
  match(httpMethod: string, rawPath: string): RestMatch<Value>;
};

/**
 * Find the route of a request among path templates.
 *
 * Segment by segment, a literal is preferred to `*` and `*` to `**`. If that finds no route for the request's
 * HTTP method, the next best is tried. A trailing `:text` is a verb if that finds a route, else it is part of
 * the segment. Dot segments are ordinary text.
 *
 * The path is split before it is decoded, and decoded once. A path is not found if it has an empty segment
 * (a trailing slash makes one), NUL, an escape that is not UTF-8, or unescaped characters outside printable
 * ASCII. A variable of one segment does not match a text that decodes to a slash.
 *
 * @throws Error if a template or a prefix is invalid, or if two routes of one HTTP method match the same
 *   paths.
 */
export function createRestRouter<Value>(routes: readonly RestRoute<Value>[]): RestRouter<Value> {
  const root = createNode<Value>();
  const verbs = new Set<string>();
  for (const route of routes) {
    const { segments, variables, verb } = parsePathTemplate(route.template);
    const prefixSegments = literalSegments(route.prefix);
    let node = prefixSegments.reduce<Node<Value>>(literalChild, root);
    let leaves = node.ends;
    for (const segment of segments) {
      if (segment.kind === "rest") {
        leaves = node.rests;
      } else {
        node = segment.kind === "literal" ? literalChild(node, segment.text) : oneChild(node);
        leaves = node.ends;
      }
    }
    const offset = prefixSegments.length;
    addLeaf(leaves, verb, {
      route,
      variables: variables.map(({ fieldPath, start, end }) => ({
        fieldPath,
        start: start + offset,
        end: end + offset,
      })),
    });
    verbs.add(verb);
  }
  const longestVerb = Math.max(0, ...[...verbs].map((verb) => verb.length));

  return {
    match(httpMethod, rawPath) {
      const ways = readings(rawPath, verbs, longestVerb);
      for (const reading of ways) {
        const found = firstMatch(root, reading.decoded, 0, (leaves) =>
          chooseLeaf(leaves.get(reading.verb), httpMethod, reading),
        );
        if (found !== undefined) return found;
      }
      for (const reading of ways) {
        const allow = firstMatch(root, reading.decoded, 0, (leaves) => {
          const methods = methodsOf(leaves.get(reading.verb), reading);
          return methods.length === 0 ? undefined : methods.sort();
        });
        if (allow !== undefined) return { kind: "method-not-allowed", allow };
      }
      return { kind: "not-found" };
    },
  };
}

type Leaf<Value> = {
  readonly route: RestRoute<Value>;
  readonly variables: readonly TemplateVariable[];
};

/** By HTTP method. */
type Leaves<Value> = Map<string, Leaf<Value>>;

type Node<Value> = {
  readonly literals: Map<string, Node<Value>>;
  one: Node<Value> | undefined;
  /** Routes that end here, by verb. */
  readonly ends: Map<string, Leaves<Value>>;
  /** Routes that go on with `**`, by verb. */
  readonly rests: Map<string, Leaves<Value>>;
};

function createNode<Value>(): Node<Value> {
  return { literals: new Map(), one: undefined, ends: new Map(), rests: new Map() };
}

function literalSegments(prefix = ""): readonly string[] {
  if (prefix === "") return [];
  const { segments, verb } = parsePathTemplate(prefix);
  const texts = segments.flatMap((segment) => (segment.kind === "literal" ? segment.text : []));
  if (texts.length < segments.length || verb !== "") {
    throw new Error(`invalid path prefix ${JSON.stringify(prefix)}: it must be literal`);
  }
  return texts;
}

function literalChild<Value>(node: Node<Value>, text: string): Node<Value> {
  const child = node.literals.get(text) ?? createNode();
  node.literals.set(text, child);
  return child;
}

function oneChild<Value>(node: Node<Value>): Node<Value> {
  node.one ??= createNode();
  return node.one;
}

function addLeaf<Value>(byVerb: Map<string, Leaves<Value>>, verb: string, leaf: Leaf<Value>) {
  const leaves: Leaves<Value> = byVerb.get(verb) ?? new Map();
  const { httpMethod, prefix = "", template } = leaf.route;
  const taken = leaves.get(httpMethod)?.route;
  if (taken !== undefined) {
    const path = `${taken.prefix ?? ""}${taken.template}`;
    throw new Error(
      `routes ${httpMethod} ${path} and ${httpMethod} ${prefix}${template} match the same paths`,
    );
  }
  leaves.set(httpMethod, leaf);
  byVerb.set(verb, leaves);
}

/** Visits the leaves that match, best first, until one is accepted. */
function firstMatch<Value, Result>(
  node: Node<Value>,
  segments: readonly string[],
  index: number,
  accept: (byVerb: Map<string, Leaves<Value>>) => Result | undefined,
): Result | undefined {
  const segment = segments[index];
  if (segment === undefined) return accept(node.ends) ?? accept(node.rests);
  const literal = node.literals.get(segment);
  return (
    (literal && firstMatch(literal, segments, index + 1, accept)) ??
    (node.one && firstMatch(node.one, segments, index + 1, accept)) ??
    accept(node.rests)
  );
}

function chooseLeaf<Value>(
  leaves: Leaves<Value> | undefined,
  httpMethod: string,
  reading: Reading,
): RestMatch<Value> | undefined {
  return leafMatch(leaves?.get(httpMethod), reading) ?? leafMatch(leaves?.get("*"), reading);
}

function leafMatch<Value>(
  leaf: Leaf<Value> | undefined,
  reading: Reading,
): RestMatch<Value> | undefined {
  const variables = leaf && capture(leaf.variables, reading);
  return variables && { kind: "found", value: leaf.route.value, variables };
}

/** The HTTP methods of the leaves that match. */
function methodsOf<Value>(leaves: Leaves<Value> = new Map(), reading: Reading): string[] {
  return [...leaves].flatMap(([method, leaf]) =>
    capture(leaf.variables, reading) === undefined ? [] : [method],
  );
}

/** @returns `undefined` if a single segment decodes to more than one. */
function capture(
  variables: readonly TemplateVariable[],
  reading: Reading,
): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  for (const { fieldPath, start, end } of variables) {
    if (end - start > 1) {
      const raw = reading.raw.slice(start, end).join("/");
      // `%252F` is decoded to `%2F`.
      values.set(fieldPath, decodeURIComponent(raw.replace(/%(?=2f)/gi, "%25")));
      continue;
    }
    const value = reading.decoded[start] ?? "";
    if (value.includes("/")) return undefined;
    values.set(fieldPath, value);
  }
  return values;
}
