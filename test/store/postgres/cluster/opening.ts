import { openPostgres } from "../../../../src/store/postgres/database.ts";

/** What becomes of opening a database: "opened", or the error. */
export async function openingOf(url: string): Promise<string> {
  try {
    const database = await openPostgres(url);
    database.acquire();
    await database.release();
    return "opened";
  } catch (error) {
    return String(error);
  }
}
