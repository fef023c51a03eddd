import { createStaticPage, type WireOptions } from "../../wire/index.ts";
import { pageHeaders } from "./page-headers.ts";

const ours = (path: string) => () => new URL(path, import.meta.url);
const viewers = (name: string) => () => new URL(import.meta.resolve(`#swagger-ui/${name}`));

const files: Readonly<Record<string, () => URL>> = {
  "/openapi.json": ours("../../../gen/openapi.json"),
  "/docs": ours("./documentation/index.html"),
  "/docs/start.js": ours("./documentation/start.js"),
  "/docs/page.css": ours("./documentation/page.css"),
  "/docs/favicon.png": viewers("favicon-32x32.png"),
  "/docs/swagger-ui.css": viewers("swagger-ui.css"),
  "/docs/swagger-ui-bundle.js": viewers("swagger-ui-bundle.js"),
};

/** The OpenAPI document at `/openapi.json`, and a viewer at `/docs` that can try what it shows. */
export function createDocumentationPages(): WireOptions["pages"] {
  // No directive more: the viewer sets styles through the DOM, which needs no `unsafe-inline`.
  const headers = pageHeaders();
  return new Map(
    Object.entries(files).map(([path, find]) => [path, createStaticPage(find, headers)]),
  );
}
