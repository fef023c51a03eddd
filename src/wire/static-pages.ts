import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { OutgoingHttpHeaders } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { answerCompression } from "./compression.ts";
import type { Answer, RequestHead } from "./exchange.ts";

/** By the end of a file's name. */
const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Files in this folder have a digest in their names: what a name stands for never changes. */
const immutableFolder = "/assets/";

/**
 * The files of a folder as pages by path; `index.html` stands at `/`.
 *
 * They are read now, so that they fit together whatever becomes of the folder, and compressed when
 * that is first asked for. Without the folder there are no pages.
 *
 * @param headers On every answer.
 * @throws Error if a file is of a type that has no content type here.
 */
export function createStaticPages(
  folder: string,
  headers: OutgoingHttpHeaders,
): Map<string, (head: RequestHead) => Answer> {
  return new Map(
    filesIn(folder).map((file) => {
      const path = `/${relative(folder, file).split(sep).join("/")}`;
      const isImmutable = path.startsWith(immutableFolder);
      const contentType = contentTypes[extname(file)];
      if (contentType === undefined) throw new Error(`no content type for ${path}`);
      return [
        path === "/index.html" ? "/" : path,
        createPage(readFileSync(file), {
          ...headers,
          "content-type": contentType,
          "cache-control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
        }),
      ];
    }),
  );
}

function createPage(bytes: Uint8Array, headers: OutgoingHttpHeaders) {
  // Weak, because the encodings share it.
  const etag = `W/"${createHash("sha256").update(bytes).digest("base64url")}"`;
  const common = { ...headers, etag, vary: "Origin, Accept-Encoding" };
  /** By the name of the encoding. */
  const compressed = new Map<string, Uint8Array>();

  return ({ headers: asked }: RequestHead): Answer => {
    if (asked["if-none-match"]?.includes(etag)) return { status: 304, headers: common };
    const compression = answerCompression(bytes, asked["accept-encoding"]?.toString());
    if (compression === undefined) return { status: 200, headers: common, body: bytes };
    const { name } = compression;
    const body = compressed.get(name) ?? compression.compress(bytes);
    compressed.set(name, body);
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
