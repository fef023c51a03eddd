import { StoreUnavailableError } from "../event-store.ts";
import { PipelineError } from "./connection/pipeline.ts";

/** SQLSTATEs by the names PostgreSQL gives them. Source: its documentation, appendix A. */
export const sqlState = {
  warning: "01000",
  statementCompletionUnknown: "40003",
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  lockNotAvailable: "55P03",
  uniqueViolation: "23505",
  invalidTextRepresentation: "22P02",
  readOnlySqlTransaction: "25006",
  queryCanceled: "57014",
  adminShutdown: "57P01",
  crashShutdown: "57P02",
  cannotConnectNow: "57P03",
  invalidAuthorizationSpecification: "28000",
  databaseDropped: "57P04",
  idleSessionTimeout: "57P05",
  duplicateTable: "42P07",
  duplicateObject: "42710",
} as const;

/** The first two characters of a SQLSTATE. */
const sqlClass = {
  connectionException: "08",
  invalidAuthorization: "28",
  insufficientResources: "53",
  systemError: "58",
  internalError: "XX",
} as const;

/**
 * What an error says about a statement that commits by itself.
 *
 * - `retry`: rolled back, and the next attempt may succeed.
 * - `elsewhere`: rolled back, because this server only reads: another one is the primary.
 * - `ambiguous`: it may have been committed, or may still be.
 * - `unavailable`: rolled back, because the server lacks something, and would lack it again at once.
 * - `bug`: rolled back, because of the statement or its values.
 */
export type StatementOutcome = "retry" | "elsewhere" | "ambiguous" | "unavailable" | "bug";

const outcomes: Readonly<Record<string, StatementOutcome>> = {
  [sqlState.serializationFailure]: "retry",
  [sqlState.deadlockDetected]: "retry",
  [sqlState.lockNotAvailable]: "retry",
  [sqlState.readOnlySqlTransaction]: "elsewhere",
  [sqlState.statementCompletionUnknown]: "ambiguous",
  // The backend is gone, and may have gone while its commit waited for a standby.
  [sqlState.adminShutdown]: "ambiguous",
  [sqlState.crashShutdown]: "ambiguous",
  [sqlState.databaseDropped]: "ambiguous",
  [sqlState.idleSessionTimeout]: "ambiguous",
  // The statement timeout. It does not end a commit.
  [sqlState.queryCanceled]: "unavailable",
  [sqlState.cannotConnectNow]: "unavailable",
};

const outcomesOfClasses: Readonly<Record<string, StatementOutcome>> = {
  [sqlClass.connectionException]: "ambiguous",
  [sqlClass.invalidAuthorization]: "unavailable",
  [sqlClass.insufficientResources]: "unavailable",
  [sqlClass.systemError]: "unavailable",
  // The outcome is open, because a coordinator of several servers may fail after its commit.
  [sqlClass.internalError]: "ambiguous",
};

/**
 * Errors of these severities end the backend. They are in the server's language: in other languages the end
 * of the connection shows the same.
 */
const finalSeverities: readonly (string | undefined)[] = ["FATAL", "PANIC"];

/** The server, or a pooler in front of it, may lose acknowledged changes, or cannot store all texts. */
export class UnsafeServerError extends Error {
  override readonly name = "UnsafeServerError";
}

/** Unique constraints that we may violate because another transaction wrote between our read and our write. */
const racedConstraints: readonly (string | undefined)[] = ["claims_pkey", "receipts_pkey"];

/**
 * The outcome of a statement that was sent. An error without SQLSTATE is a lost connection. So is an error
 * that ends the backend, whatever its SQLSTATE: for example, if the disk is full, the sync of a commit may
 * fail although its record is in the log, where the restart finds it.
 */
export function outcomeFromError(error: unknown): StatementOutcome {
  const code = sqlStateOf(error);
  if (code === undefined || finalSeverities.includes(severityOf(error))) return "ambiguous";
  if (isDuplicate(error) && racedConstraints.includes(constraintOf(error))) return "retry";
  return outcomes[code] ?? outcomesOfClasses[code.slice(0, 2)] ?? "bug";
}

/** A row with the same key exists. */
export function isDuplicate(error: unknown): boolean {
  return sqlStateOf(error) === sqlState.uniqueViolation;
}

/** The SQLSTATE of an error that the server sent; errors of the connection have none. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof PipelineError) return sqlStateOf(error.cause);
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && "severity" in error
    ? code
    : undefined;
}

function severityOf(error: unknown): string | undefined {
  return (serverErrorOf(error) as { readonly severity?: string }).severity;
}

function constraintOf(error: unknown): string | undefined {
  return (serverErrorOf(error) as { readonly constraint?: string }).constraint;
}

function serverErrorOf(error: unknown): unknown {
  return error instanceof PipelineError ? error.cause : error;
}

/** The error for a read, or for a write that was not stored. Its message holds no value of a statement. */
export function unavailableFrom(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  return new StoreUnavailableError(`PostgreSQL: ${messageOf(error)}`, { cause: error });
}

/** The message of an error. Node wraps failed attempts at several addresses in an error without a message. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
