import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { ReceiptName } from "../../receipts.ts";

/** Bytes of a digest that are stored: of an owner, and of a name. Nobody finds a second name with the same ones. */
const ownerBytes = 8;
const nameBytes = 16;
const allBytes = ownerBytes + nameBytes;

/** A name as it is stored. The names of an owner are beside each other. */
export function bytesFromName({ owner, name }: ReceiptName): Uint8Array {
  const bytes = Buffer.allocUnsafe(allBytes);
  bytes.write(digestOfOwner(owner), 0, ownerBytes, "latin1");
  bytes.write(digest(name), ownerBytes, nameBytes, "latin1");
  return bytes;
}

/** The first and the last name that an owner may have, as they are stored. */
export function rangeOfOwner(owner: string): readonly [first: Uint8Array, last: Uint8Array] {
  const ends = [Buffer.alloc(allBytes, 0x00), Buffer.alloc(allBytes, 0xff)] as const;
  for (const end of ends) end.write(digestOfOwner(owner), 0, ownerBytes, "latin1");
  return ends;
}

let latest = { owner: "", digest: digest("") };

/** Most calls in a row are those of one owner. */
function digestOfOwner(owner: string): string {
  if (owner !== latest.owner) latest = { owner, digest: digest(owner) };
  return latest.digest;
}

/** Let statements make stored names, for a database that has them as texts. */
export function defineReceiptName(db: DatabaseSync): void {
  db.function("receipt_name", (owner, name) =>
    bytesFromName({ owner: String(owner), name: String(name) }),
  );
}

/** One character for each byte: that takes a third of the time that a buffer takes. */
function digest(text: string): string {
  return hash("sha256", text, "binary");
}
