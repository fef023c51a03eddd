import {
  type DescField,
  type DescMessage,
  fromJson,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, type ScalarValue } from "@bufbuild/protobuf/reflect";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { echo } from "../../cut.ts";
import { refusal } from "../../refusal.ts";
import { scalarForms } from "./scalar-text.ts";

/** Far more than real queries have. Without a bound, a query of many short parameters costs much work. */
const maxParameters = 1_000;
/** The depth to which protobuf-es reads messages. */
const maxDepth = 100;

/** Sets one field of a message to a text. */
export type FieldBinder = (message: Message, text: string) => void;

/**
 * Prepare to set a field from a path variable. What the field held before is replaced.
 *
 * @param fieldPath JSON or proto names, joined by dots.
 * @returns Takes percent-decoded text. Throws ConnectError `InvalidArgument` if the text does not fit
 *   the field, or if another field of its oneof is set.
 * @throws ConnectError `InvalidArgument` if there is no such field.
 */
export function createFieldBinder(desc: DescMessage, fieldPath: string): FieldBinder {
  const fields = fieldsOnPath(desc, fieldPath);
  if (fields === undefined) throw mismatch(fieldPath, "no such field");
  const [field] = fields;
  const isText = field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
  if (isText && field.oneof === undefined) {
    // Nearly every variable is a plain text field, and reflection would take ten times as long.
    const { localName } = field;
    return (message, text) => {
      const value = scalarValue(ScalarType.STRING, fieldPath, text);
      (message as unknown as Record<string, unknown>)[localName] = value;
    };
  }
  return (message, text) =>
    setField(reflect(desc, message), fields, { name: fieldPath, texts: [text] });
}

/**
 * Set fields from a query string. Parameters that name no field are ignored.
 *
 * @param query What follows the `?`, as sent; at most 1,000 parameters.
 * @param options.exclude Field paths (proto names) that the path or the body has set: parameters
 *   for them, for a part of them or for what contains them are ignored.
 * @throws ConnectError `InvalidArgument` if a text does not fit its field, a singular field has
 *   several, two fields belong to one oneof, a field is a map or holds messages without a text
 *   form, or the query is malformed.
 */
export function bindQuery(
  message: ReflectMessage,
  query: string,
  options: { readonly exclude: readonly string[] },
): void {
  const found = new Map<string, { fields: readonly DescField[]; name: string; texts: string[] }>();
  for (const [name, text] of parametersOf(query)) {
    const fields = fieldsOnPath(message.desc, name);
    if (fields === undefined) continue;
    const path = fields.map((field) => field.name).join(".");
    if (options.exclude.some((excluded) => overlaps(path, excluded))) continue;
    const sameField = found.get(path);
    if (sameField === undefined) found.set(path, { fields, name, texts: [text] });
    else sameField.texts.push(text);
  }
  for (const { fields, ...parameter } of found.values()) setField(message, fields, parameter);
}

function parametersOf(query: string): [name: string, text: string][] {
  const parts = query.split("&", maxParameters + 1);
  if (parts.length > maxParameters) {
    throw malformed(`more than ${maxParameters} parameters`);
  }
  return parts.map((part) => {
    const equals = part.indexOf("=");
    return equals === -1
      ? [decode(part), ""]
      : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
  });
}

function decode(text: string): string {
  if (!/^[!-~]*$/.test(text)) throw malformed("only printable ASCII can appear unescaped");
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw malformed("invalid percent-encoding");
  }
  if (decoded.includes("\0")) throw malformed("%00 is not accepted");
  return decoded;
}

/** One field path is the other, or lies below it. */
function overlaps(one: string, other: string): boolean {
  return `${one}.`.startsWith(`${other}.`) || `${other}.`.startsWith(`${one}.`);
}

/** @returns The fields from the outermost message to the leaf; `undefined` if one is unknown. */
function fieldsOnPath(desc: DescMessage, path: string): readonly DescField[] | undefined {
  const fields: DescField[] = [];
  let parent: DescMessage | undefined = desc;
  for (const name of path.split(".", maxDepth + 1)) {
    if (parent === undefined) throw mismatch(path, `${fields.at(-1)?.name} is not a message`);
    if (fields.length === maxDepth) throw mismatch(path, `more than ${maxDepth} levels deep`);
    const field: DescField | undefined =
      parent.fields.find((candidate) => candidate.jsonName === name) ??
      parent.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return undefined;
    fields.push(field);
    parent = field.fieldKind === "message" ? field.message : undefined;
  }
  return fields;
}

type Parameter = { readonly name: string; readonly texts: readonly string[] };

function setField(
  message: ReflectMessage,
  [field, ...below]: readonly DescField[],
  parameter: Parameter,
): void {
  if (field === undefined) return;
  const { name, texts } = parameter;
  const chosen = field.oneof && message.oneofCase(field.oneof);
  if (chosen !== undefined && chosen.number !== field.number) {
    throw mismatch(name, `${chosen.name} of the same oneof is set already`);
  }

  if (field.fieldKind === "message" && below.length > 0) {
    const inner = message.get(field);
    setField(inner, below, parameter);
    message.set(field, inner);
    return;
  }
  if (field.fieldKind === "list" && field.listKind !== "message") {
    const list = message.get(field);
    for (const text of texts) list.add(singleValue(field, name, text));
    return;
  }
  if (field.fieldKind === "map" || field.fieldKind === "list") {
    throw mismatch(name, "maps and repeated messages have no text form");
  }
  const [text = "", ...more] = texts;
  if (more.length > 0) throw mismatch(name, `expected one value, got ${texts.length}`);
  message.set(field, singleValue(field, name, text));
}

/** @returns The value in the form that the reflection API sets or adds. */
function singleValue(
  field: DescField & { fieldKind: "scalar" | "enum" | "message" | "list" },
  name: string,
  text: string,
): ScalarValue | ReflectMessage {
  if (field.scalar !== undefined) return scalarValue(field.scalar, name, text);
  if (field.enum !== undefined) {
    const known = field.enum.values.find(
      (value) => value.name === text || value.jsonName === text || String(value.number) === text,
    );
    if (known === undefined) throw mismatch(name, `expected a name or number of ${field.enum}`);
    return known.number;
  }
  return messageValue(field.message, name, text);
}

function scalarValue(type: ScalarType, name: string, text: string): ScalarValue {
  const { expected, parse } = scalarForms[type];
  const value = parse(text);
  if (value === undefined) throw mismatch(name, `expected ${expected}`);
  return value;
}

function messageValue(desc: DescMessage, name: string, text: string): ReflectMessage {
  if (isWrapperDesc(desc)) {
    const [value] = desc.fields;
    const wrapper = reflect(desc);
    wrapper.set(value, scalarValue(value.scalar, name, text));
    return wrapper;
  }
  const form = textForms.get(desc.typeName);
  if (form === undefined) throw mismatch(name, `${desc.typeName} has no text form`);
  if (!form.outline.test(text)) throw mismatch(name, `expected ${form.expected}`);
  try {
    return reflect(desc, fromJson(desc, text));
  } catch {
    throw mismatch(name, `expected ${form.expected}`);
  }
}

/**
 * Messages that JSON writes as a string. The outline is there for what protobuf-es lets through,
 * such as text behind a duration.
 */
const textForms: ReadonlyMap<string, { readonly expected: string; readonly outline: RegExp }> =
  new Map([
    [
      "google.protobuf.Timestamp",
      { expected: "an RFC 3339 timestamp, such as 2030-01-31T12:00:00Z", outline: /^\d{4}-/ },
    ],
    [
      "google.protobuf.Duration",
      { expected: "a duration in seconds, such as 1.5s", outline: /^-?\d{1,12}(?:\.\d{1,9})?s$/ },
    ],
    [
      "google.protobuf.FieldMask",
      { expected: "field paths in camel case, such as name,above.name", outline: /^[\w.,]*$/ },
    ],
  ]);

function mismatch(name: string, reason: string): ConnectError {
  return refusal("parameterInvalid", `type mismatch, parameter: ${echo(name)}, error: ${reason}`);
}

function malformed(reason: string): ConnectError {
  return refusal("parameterInvalid", `malformed query: ${reason}`);
}
