import { CoveyError } from '@covey/protocol';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Executor } from './executor.ts';

/** Kysely would queue for the connection by itself; here the driver does, and can refuse a wait that would never end. */
class QueuedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** Kysely over one executor. Whoever holds the one connection runs alone, so two transactions never interleave. */
export function executorDialect(executor: Executor, checkMayWait: () => void): Dialect {
  return {
    createAdapter: () => new QueuedAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => executorDriver(executor, checkMayWait),
  };
}

function executorDriver(executor: Executor, checkMayWait: () => void): Driver {
  const connection = executorConnection(executor);
  const run = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)));
  let tail = Promise.resolve();
  const releases: (() => void)[] = [];
  return {
    init: async () => {},
    acquireConnection: async () => {
      checkMayWait();
      const before = tail;
      const turn = Promise.withResolvers<void>();
      tail = turn.promise;
      await before;
      releases.push(turn.resolve);
      return connection;
    },
    releaseConnection: async () => releases.pop()?.(),
    beginTransaction: () => run('begin immediate'),
    commitTransaction: () => run('commit'),
    rollbackTransaction: () => run('rollback'),
    destroy: () => tail,
  };
}

function executorConnection(executor: Executor): DatabaseConnection {
  return {
    executeQuery: async <R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> => {
      const { rows, changes, insertId } = await executor.execute({ sql, parameters });
      // The row type is what the query builder derived from Tables.
      return { rows: rows as R[], numAffectedRows: BigInt(changes), insertId: BigInt(insertId) };
    },
    // biome-ignore lint/correctness/useYield: nothing to yield
    streamQuery: async function* () {
      throw new CoveyError('UNSUPPORTED', 'rows are read whole: bound the query instead of streaming it');
    },
  };
}
