import { createStaticPage, type WireOptions } from "./wire/index.ts";

/**
 * The viewer may load its own script and style, show its own pictures, and call its own server;
 * nothing else. It sets styles on elements, never as text.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const ours = (path: string) => () => new URL(path, import.meta.url);
const viewers = (name: string) => () => new URL(import.meta.resolve(`swagger-ui-dist/${name}`));

const files: Readonly<Record<string, () => URL>> = {
  "/openapi.json": ours("../gen/openapi.json"),
  "/docs": ours("./documentation/index.html"),
  "/docs/start.js": ours("./documentation/start.js"),
  "/docs/favicon.png": viewers("favicon-32x32.png"),
  "/docs/swagger-ui.css": viewers("swagger-ui.css"),
  "/docs/swagger-ui-bundle.js": viewers("swagger-ui-bundle.js"),
};

/** The OpenAPI document at `/openapi.json`, and a viewer at `/docs` that can try what it shows. */
export function createDocumentationPages(): WireOptions["pages"] {
  const headers = {
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    // Of the headers of every answer, those that forbid caching.
    expires: undefined,
    pragma: undefined,
  };
  return new Map(
    Object.entries(files).map(([path, find]) => [path, createStaticPage(find, headers)]),
  );
}
