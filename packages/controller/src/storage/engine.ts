import { existsSync, statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { migrations } from './migrations.ts';

/** `application_id` of our databases: "COVY". A database without it is somebody else's. */
const applicationId = 0x434f5659;
/** Distinct statements kept compiled: more than the controller has. */
const cachedStatements = 400;

export interface Statement {
  sql: string;
  parameters: readonly unknown[];
}

export interface StatementResult {
  rows: Record<string, unknown>[];
  changes: number;
  insertId: number;
}

/** A SQLite database, opened, migrated and answering statements one by one, in whichever thread it was made. */
export interface Engine {
  /** Errors: DISK_FULL, DATA_CORRUPT, DATA_LOCKED; anything else is INTERNAL with SQLite's own words. */
  execute(statement: Statement): StatementResult;
  close(): void;
}

/** Errors: those of `Engine.execute`, DATA_FOREIGN (another program's database), DATA_NEWER (a later schema). */
export function openEngine(file: string): Engine {
  let database: DatabaseSync | undefined;
  try {
    // Asked first: opening makes the file, and removes the log of an empty one.
    if (existsSync(`${file}-wal`) && !statSync(file, { throwIfNoEntry: false })?.size)
      throw new CoveyError(
        'DATA_CORRUPT',
        `${file} is missing or empty, beside its log: restore covey.db and covey.db-wal from one backup`,
      );
    database = new DatabaseSync(file);
    configure(database, file);
    migrate(database, file);
    return engine(database, file);
  } catch (error) {
    database?.close();
    throw sqliteError(error, file);
  }
}

function engine(database: DatabaseSync, file: string): Engine {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? database.prepare(sql);
    statements.delete(sql);
    statements.set(sql, statement);
    const [oldest] = statements.keys();
    if (statements.size > cachedStatements && oldest !== undefined) statements.delete(oldest);
    return statement;
  };
  return {
    execute: ({ sql, parameters }) => {
      // SQLite ends a transaction by itself on some errors, such as a full disk.
      if (sql === 'rollback' && !database.isTransaction) return { rows: [], changes: 0, insertId: 0 };
      try {
        const statement = prepared(sql);
        const values = parameters.map(inputValue);
        if (statement.columns().length > 0)
          return { rows: statement.all(...values), changes: 0, insertId: 0 };
        const { changes, lastInsertRowid } = statement.run(...values);
        return { rows: [], changes: Number(changes), insertId: Number(lastInsertRowid) };
      } catch (error) {
        throw sqliteError(error, file);
      }
    },
    close: () => database.close(),
  };
}

/**
 * WAL with a sync at each commit: what was committed survives a power cut. The exclusive lock keeps a second controller off
 * the file (it gets DATA_LOCKED) and is taken by the first write, the migration's.
 */
function configure(database: DatabaseSync, file: string): void {
  database.exec('pragma locking_mode = exclusive');
  if (file !== ':memory:') database.exec('pragma journal_mode = wal');
  database.exec('pragma synchronous = full; pragma foreign_keys = on');
}

function migrate(database: DatabaseSync, file: string): void {
  database.exec('begin immediate');
  const version = pragma(database, 'user_version');
  const isEmpty = database.prepare('select 1 from sqlite_schema limit 1').get() === undefined;
  if (!isEmpty && pragma(database, 'application_id') !== applicationId) {
    throw new CoveyError('DATA_FOREIGN', `${file} is a database of another program`);
  }
  if (version > migrations.length) {
    throw new CoveyError(
      'DATA_NEWER',
      `${file} has schema version ${version}; this Covey knows versions up to ${migrations.length}`,
    );
  }
  for (const step of migrations.slice(version)) database.exec(step);
  database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${migrations.length}`);
  database.exec('commit');
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0]);
}

function inputValue(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')
    return value;
  if (ArrayBuffer.isView(value)) return value as NodeJS.ArrayBufferView;
  throw new CoveyError('INTERNAL', `a ${typeof value} cannot be stored in a column`);
}

/** Primary result codes (sqlite.org/rescode.html): the low byte of `errcode`. */
const busy = 5;
const locked = 6;
const corrupt = 11;
const full = 13;
const notADatabase = 26;

function sqliteError(error: unknown, file: string): CoveyError {
  const code = Number((error as { errcode?: unknown } | null)?.errcode) & 0xff;
  const words = error instanceof Error ? error.message : String(error);
  const as = (name: 'DISK_FULL' | 'DATA_CORRUPT' | 'DATA_LOCKED') =>
    new CoveyError(name, `${file}: ${words}`, { cause: error });
  if (code === full) return as('DISK_FULL');
  if (code === corrupt || code === notADatabase) return as('DATA_CORRUPT');
  if (code === busy || code === locked) return as('DATA_LOCKED');
  return toCoveyError(error);
}
