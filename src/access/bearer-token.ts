import { hash } from "node:crypto";

/** A bearer token of a call, hashed once. Whatever is kept about a token is kept under its digest. */
export type BearerToken = {
  /** As sent, without the "Bearer " prefix; at most 8,192 characters. */
  readonly text: string;
  /** What `digestOf` makes of the text. */
  readonly digest: string;
};

/** Hashes the token, so call this once per call. */
export function bearerTokenFrom(text: string): BearerToken {
  return { text, digest: digestOf(text) };
}

/** SHA-256 of a token, lower-case hex: by this the directory knows our own tokens. */
export function digestOf(text: string): string {
  return hash("sha256", text, "hex");
}
