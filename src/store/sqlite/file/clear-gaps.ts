import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";

/** What the file format says of places and values. Source: sqlite.org/fileformat2.html, sections 1.3 and 1.6 */
const fileHeader = { bytes: 100, pageSizeAt: 16, largestRootAt: 52 };
const pageHeader = { cellsAt: 3, contentAt: 5, leafBytes: 8, interiorBytes: 12 };
const interiorTypes: readonly (number | undefined)[] = [2, 5];
const leafTypes: readonly (number | undefined)[] = [10, 13];
const largestPage = 65_536;

/** From this page on, other pages than those of B-trees may begin like them, because a page number comes first there. */
const firstUnsurePage = 2 ** 25;

/** Bytes that are read at once. */
const pieceBytes = 4_194_304;

const zeros = Buffer.alloc(largestPage);

/**
 * Overwrite with zeros what is between the list of cells and the cells of each page. When SQLite has moved cells, a copy
 * may be left there, which `secure_delete` does not find when the cell is deleted later.
 *
 * @param file A database without a log that nobody reads or writes meanwhile. All locks that this process has on it end.
 * @param cleared Called when that is done, before the locks end.
 */
export function clearGaps(file: string, cleared: () => void = () => {}): void {
  const descriptor = openSync(file, "r+");
  try {
    if (clearAll(descriptor)) fsyncSync(descriptor);
    cleared();
  } finally {
    closeSync(descriptor);
  }
}

/** @returns Whether the file has pages that can be cleared. */
function clearAll(descriptor: number): boolean {
  const header = Buffer.alloc(fileHeader.bytes);
  if (readSync(descriptor, header, 0, header.length, 0) < header.length) return false;
  // Otherwise some pages are lists of pages, which may begin like those of B-trees.
  if (header.readUInt32BE(fileHeader.largestRootAt) !== 0) return false;
  const pageSize = header.readUInt16BE(fileHeader.pageSizeAt);
  clearPages(descriptor, pageSize === 1 ? largestPage : pageSize);
  return true;
}

function clearPages(descriptor: number, pageSize: number): void {
  const pages = Math.min(fstatSync(descriptor).size / pageSize, firstUnsurePage - 1);
  const perPiece = Math.max(1, Math.floor(pieceBytes / pageSize));
  const piece = Buffer.alloc(perPiece * pageSize);
  for (let first = 0; first < pages; first += perPiece) {
    const read = readSync(descriptor, piece, 0, piece.length, first * pageSize);
    for (let at = 0; at + pageSize <= read; at += pageSize) {
      const place = first * pageSize + at;
      const headerAt = place === 0 ? fileHeader.bytes : 0;
      const gap = gapOf(piece.subarray(at, at + pageSize), headerAt);
      if (gap !== undefined) clear(descriptor, gap.bytes, place + gap.at);
    }
  }
}

function clear(descriptor: number, bytes: Buffer, place: number): void {
  const cleared = zeros.subarray(0, bytes.length);
  if (!bytes.equals(cleared)) writeSync(descriptor, cleared, 0, cleared.length, place);
}

/** `undefined`: the page has none, or is of no B-tree. */
function gapOf(page: Buffer, headerAt: number) {
  const isInterior = interiorTypes.includes(page[headerAt]);
  if (!isInterior && !leafTypes.includes(page[headerAt])) return undefined;
  const headerBytes = isInterior ? pageHeader.interiorBytes : pageHeader.leafBytes;
  const cells = page.readUInt16BE(headerAt + pageHeader.cellsAt);
  const at = headerAt + headerBytes + 2 * cells;
  const end = page.readUInt16BE(headerAt + pageHeader.contentAt) || largestPage;
  return end <= at ? undefined : { at, bytes: page.subarray(at, end) };
}
