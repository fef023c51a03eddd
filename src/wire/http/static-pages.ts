import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { OutgoingHttpHeaders } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { answerCompression } from "../protocol/compression.ts";
import type { Answer, RequestHead } from "./exchange.ts";

/** Answers GET and HEAD for one path. */
export type Page = (head: RequestHead) => Answer | Promise<Answer>;

/** By the end of a file's name. */
const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** Files in this folder have a digest in their names, so the content of a name never changes. */
const immutableFolder = "/assets/";

/**
 * The files of a folder as pages by path; `index.html` is the page at `/`.
 *
 * They are read now, so that they fit together even if the folder changes later, and compressed when a client
 * first asks for that. Without the folder there are no pages.
 *
 * @param headers On every answer.
 * @throws Error if a file is of a type that has no content type here.
 */
export function createStaticPages(folder: string, headers: OutgoingHttpHeaders): Map<string, Page> {
  return new Map(
    filesIn(folder).map((file) => {
      const path = `/${relative(folder, file).split(sep).join("/")}`;
      const isImmutable = path.startsWith(immutableFolder);
      return [
        path === "/index.html" ? "/" : path,
        createPage(readFileSync(file), {
          ...headers,
          "content-type": contentTypeOf(path),
          "cache-control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
        }),
      ];
    }),
  );
}

/**
 * One file as a page. It is found and read when it is first asked for, and kept.
 *
 * @param headers On every answer.
 * @throws Error for the request, if there is no such file or no content type for it.
 */
export function createStaticPage(find: () => URL, headers: OutgoingHttpHeaders): Page {
  let reading: Promise<Page> | undefined;
  const read = async () => {
    const file = find();
    const contentType = contentTypeOf(file.pathname);
    const bytes = await readFile(file);
    return createPage(bytes, {
      ...headers,
      "content-type": contentType,
      "cache-control": "no-cache",
    });
  };
  return async (head) => {
    reading ??= read();
    try {
      return await (await reading)(head);
    } catch (error) {
      // The next request tries again.
      reading = undefined;
      throw error;
    }
  };
}

function contentTypeOf(path: string): string {
  const contentType = contentTypes[extname(path)];
  if (contentType === undefined) throw new Error(`no content type for ${path}`);
  return contentType;
}

function createPage(bytes: Uint8Array, headers: OutgoingHttpHeaders): Page {
  // A weak validator, because all encodings share it.
  const etag = `W/"${createHash("sha256").update(bytes).digest("base64url")}"`;
  const common = { ...headers, etag, vary: "Origin, Accept-Encoding" };
  /** By the name of the encoding. */
  const compressed = new Map<string, Promise<Uint8Array>>();

  return async ({ headers: asked }) => {
    if (asked["if-none-match"]?.includes(etag)) return { status: 304, headers: common };
    const compression = answerCompression(bytes, asked["accept-encoding"]?.toString());
    if (compression === undefined) return { status: 200, headers: common, body: bytes };
    const { name } = compression;
    const compressing = compressed.get(name) ?? compression.compressAside(bytes);
    compressed.set(name, compressing);
    const body = await compressing;
    return { status: 200, headers: { ...common, "content-encoding": name }, body };
  };
}

/** None if there is no such folder. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
