/** @throws Error if the bytes are not a JSON object in UTF-8. */
export function objectFrom(json: Buffer): Record<string, unknown> {
  return object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json)));
}

/** `value`, if it is an object. */
export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`no object: ${JSON.stringify(value)}`);
  return value as Record<string, unknown>;
}

/** `value`, if it is a list. */
export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`);
  return value;
}

/** `value`, if it is a text. */
export function text(value: unknown): string {
  if (typeof value !== "string") throw new Error(`no text: ${JSON.stringify(value)}`);
  return value;
}
