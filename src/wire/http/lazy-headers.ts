import type { IncomingHttpHeaders } from "node:http";

/** Every name in our own code is such a name. */
const plainName = /^[a-z-]+$/;

/** Printable, and without a space at either end that would have to go. */
const plainValue = /^[!-~]+$/;

/**
 * The platform's `Headers`, made when somebody asks for more than `get` and `set` do: making them takes
 * longer than everything that is looked up in a call.
 */
abstract class LazyHeaders implements Headers {
  #platform: Headers | undefined;

  /** What the platform's headers begin with. */
  protected abstract make(): Headers;

  /** A value without the platform's help; `undefined` if that cannot be done. */
  protected abstract find(name: string): string | null | undefined;

  /** Whether a value was set without the platform's help. */
  protected abstract put(name: string, value: string): boolean;

  protected get isMade(): boolean {
    return this.#platform !== undefined;
  }

  #made(): Headers {
    this.#platform ??= this.make();
    return this.#platform;
  }

  get(name: string): string | null {
    const found = this.#platform === undefined ? this.find(name) : undefined;
    return found === undefined ? this.#made().get(name) : found;
  }

  set(name: string, value: string): void {
    if (this.#platform === undefined && this.put(name, value)) return;
    this.#made().set(name, value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  append(name: string, value: string): void {
    this.#made().append(name, value);
  }

  delete(name: string): void {
    this.#made().delete(name);
  }

  getSetCookie(): string[] {
    return this.#made().getSetCookie();
  }

  forEach(call: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    for (const [name, value] of this) call.call(self, value, name, this);
  }

  entries() {
    return this.#made().entries();
  }

  keys() {
    return this.#made().keys();
  }

  values() {
    return this.#made().values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/** The headers of a request, over the record that Node makes of them. */
export class RequestHeaders extends LazyHeaders {
  readonly #record: IncomingHttpHeaders;

  constructor(record: IncomingHttpHeaders) {
    super();
    this.#record = record;
  }

  protected make(): Headers {
    return headersFromNode(this.#record);
  }

  protected find(name: string): string | null | undefined {
    if (!plainName.test(name)) return undefined;
    if (!Object.hasOwn(this.#record, name)) return null;
    const value = this.#record[name];
    return Array.isArray(value) ? undefined : (value ?? null);
  }

  protected put(): boolean {
    return false;
  }
}

/** Headers or trailers that a handler and its interceptors set for the answer. */
export class AnswerHeaders extends LazyHeaders {
  readonly #record: Record<string, string> = Object.create(null);

  /** What was set, as Node sends it; `undefined` if only the platform's headers can tell. */
  get plain(): Readonly<Record<string, string>> | undefined {
    return this.isMade ? undefined : this.#record;
  }

  protected make(): Headers {
    return new Headers(this.#record);
  }

  protected find(name: string): string | null | undefined {
    return plainName.test(name) ? (this.#record[name] ?? null) : undefined;
  }

  protected put(name: string, value: string): boolean {
    const isPlain = plainName.test(name) && typeof value === "string" && plainValue.test(value);
    if (isPlain) this.#record[name] = value;
    return isPlain;
  }
}

/** Node's header record as the platform's `Headers`. */
export function headersFromNode(record: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, each);
  }
  return headers;
}
