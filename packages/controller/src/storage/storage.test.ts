import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { systemDisk } from '@covey/ports';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimDataFolder, openStorage, type Storage } from './index.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-storage-'));
});
afterEach(() => rm(folder, { recursive: true }));

const options = (file = join(folder, 'covey.db')) => ({
  file,
  blobFolder: join(folder, 'blobs'),
  disk: systemDisk,
});
const model = (name: string) => ({ name, created_at: 1 });
const names = async (storage: Storage) =>
  (await storage.db.selectFrom('models').select('name').orderBy('name').execute()).map(({ name }) => name);

describe.each(['file', ':memory:'])('a database in %s', (kind) => {
  let storage: Storage;
  beforeEach(async () => {
    storage = await openStorage(options(kind === 'file' ? undefined : kind));
  });
  afterEach(() => storage.close());

  test('keeps every kind of value', async () => {
    await storage.db.insertInto('models').values(model('bearing')).execute();
    const version = {
      model: 'bearing',
      version: '1.0.0',
      number: 1,
      digest: 'd',
      manifest: '{"a":"ü"}',
      created_at: 2 ** 52,
      published_by: 'admin',
    };
    await storage.db.insertInto('versions').values(version).execute();
    expect(await storage.db.selectFrom('versions').selectAll().executeTakeFirstOrThrow()).toEqual(version);
    const file = { role: 'root', version: 1, bytes: new Uint8Array(randomBytes(300_000)) };
    await storage.db.insertInto('trust_files').values(file).execute();
    expect(await storage.db.selectFrom('trust_files').selectAll().executeTakeFirstOrThrow()).toEqual(file);
  });

  test('reports the rows changed and the id given', async () => {
    const entry = { at: 1, actor: 'admin', action: 'a.b', subject: 's', detail: '{}' };
    const inserted = await storage.db.insertInto('audit').values([entry, entry]).executeTakeFirstOrThrow();
    expect(inserted.insertId).toBe(2n);
    const updated = await storage.db.updateTable('audit').set({ at: 5 }).executeTakeFirstOrThrow();
    expect(updated.numUpdatedRows).toBe(2n);
  });

  test('a transaction that rejects leaves nothing', async () => {
    const failing = storage.transaction(async (tx) => {
      await tx.insertInto('models').values(model('half')).execute();
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await names(storage)).toEqual([]);
  });

  test('transactions and statements asked for at the same time run one after the other', async () => {
    await storage.db
      .insertInto('models')
      .values({ ...model('counter'), next_number: 0 })
      .execute();
    const increment = () =>
      storage.transaction(async (tx) => {
        const { next_number } = await tx.selectFrom('models').select('next_number').executeTakeFirstOrThrow();
        await tx
          .updateTable('models')
          .set({ next_number: next_number + 1 })
          .execute();
      });
    const readings = Array.from({ length: 50 }, () => [increment(), names(storage)]).flat();
    await Promise.all(readings);
    const row = await storage.db.selectFrom('models').select('next_number').executeTakeFirstOrThrow();
    expect(row.next_number).toBe(50);
  });

  test('the outer connection inside a transaction is refused instead of waiting for ever', async () => {
    await expect(storage.transaction(() => names(storage))).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await names(storage)).toEqual([]);
  });

  test('foreign keys hold', async () => {
    const orphan = { device: 'nobody', up_to: 1, missing: '[]', boot_id: null, rebirth: 0 };
    await expect(storage.db.insertInto('sequences').values(orphan).execute()).rejects.toThrow(/FOREIGN KEY/);
  });

  test('a full disk is DISK_FULL, the transaction is gone, and work goes on when there is room', async () => {
    const pages = await sql<{ page_count: number }>`pragma page_count`.execute(storage.db);
    await sql`pragma max_page_count = ${sql.lit((pages.rows[0]?.page_count ?? 0) + 8)}`.execute(storage.db);
    const large = { at: 1, actor: 'admin', action: 'a.b', subject: 's', detail: 'x'.repeat(200_000) };
    const filling = storage.transaction(async (tx) => {
      await tx.insertInto('models').values(model('before')).execute();
      await tx.insertInto('audit').values(large).execute();
    });
    await expect(filling).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await names(storage)).toEqual([]);
    await sql`pragma max_page_count = 1000000`.execute(storage.db);
    await storage.db.insertInto('models').values(model('after')).execute();
    expect(await names(storage)).toEqual(['after']);
  });
});

describe('opening', () => {
  test('what was stored is there again, and nobody else has the file meanwhile', async () => {
    const first = await openStorage(options());
    await first.db.insertInto('models').values(model('kept')).execute();
    await expect(openStorage(options())).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    await first.close();
    const second = await openStorage(options());
    expect(await names(second)).toEqual(['kept']);
    await second.close();
  });

  test('a schema of a later version is DATA_NEWER and untouched', async () => {
    await (await openStorage(options())).close();
    const database = new DatabaseSync(options().file);
    database.exec('pragma user_version = 999');
    database.close();
    await expect(openStorage(options())).rejects.toMatchObject({ code: 'DATA_NEWER' });
  });

  test('a database of another program is DATA_FOREIGN', async () => {
    const database = new DatabaseSync(options().file);
    database.exec('create table theirs (a)');
    database.close();
    await expect(openStorage(options())).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
  });

  test('what was not closed opens with its log; a log alone is DATA_CORRUPT and untouched', async () => {
    const { file } = options();
    const log = `${file}-wal`;
    const live = await openStorage(options());
    await live.db.insertInto('models').values(model('kept')).execute();
    const [database, written] = [await readFile(file), await readFile(log)];
    await live.close();
    const opened = async (parts: Record<string, Uint8Array>) => {
      for (const path of [file, log]) await rm(path, { force: true });
      for (const [path, bytes] of Object.entries(parts)) await writeFile(path, bytes);
      const storage = await openStorage(options());
      return names(storage).finally(() => storage.close());
    };
    const corrupt = expect.objectContaining({ code: 'DATA_CORRUPT' });
    await expect(opened({ [log]: written })).rejects.toEqual(corrupt);
    await expect(opened({ [file]: new Uint8Array(), [log]: written })).rejects.toEqual(corrupt);
    expect(await readFile(log)).toEqual(written);
    expect(await opened({ [file]: database, [log]: written })).toEqual(['kept']);
  });

  test('a file that is no database is DATA_CORRUPT', async () => {
    await writeFile(options().file, randomBytes(8_192));
    await expect(openStorage(options())).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });

  test('a database with a damaged page is DATA_CORRUPT when it is read', async () => {
    const first = await openStorage(options());
    const rows = Array.from({ length: 400 }, (_, i) => model(`m${i}${'x'.repeat(300)}`));
    await first.db.insertInto('models').values(rows).execute();
    await first.close();
    const bytes = await systemDisk.read(options().file);
    bytes?.fill(0xff, 4_096 * 2);
    await writeFile(options().file, bytes ?? '');
    const damaged = openStorage(options()).then(async (storage) => {
      await names(storage).finally(() => storage.close());
    });
    await expect(damaged).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });
});

describe('SIGKILL in the middle of transactions', () => {
  /** Each transaction writes four rows and then says its number; what was said must be there, and nothing by halves. */
  const writer = (file: string) => `
    const { openStorage } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const { systemDisk } = await import(${JSON.stringify(import.meta.resolve('@covey/ports'))});
    const storage = await openStorage({ file: ${JSON.stringify(file)}, blobFolder: ${JSON.stringify(`${file}-blobs`)}, disk: systemDisk });
    const { at = 0 } = await storage.db.selectFrom('audit').select('at').orderBy('id', 'desc').executeTakeFirst() ?? {};
    for (let number = at + 1; ; number++) {
      await storage.transaction(async (tx) => {
        for (let part = 0; part < 4; part++)
          await tx.insertInto('audit').values({ at: number, actor: 'system', action: 'a.b', subject: String(part), detail: 'x'.repeat(5000) }).execute();
      });
      process.stdout.write(number + '\\n');
    }`;

  /** Runs the writer until it has said `count` more numbers, kills it, and returns the last number said. */
  async function writeAndKill(file: string, count: number): Promise<number> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer(file)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = 0;
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      said = Number(line);
      if (++lines === count) child.kill('SIGKILL');
    }
    return said;
  }

  test('committed transactions stay, unfinished ones leave nothing', async () => {
    const file = options().file;
    for (const count of [1, 7, 40]) {
      const said = await writeAndKill(file, count);
      const storage = await openStorage(options());
      const groups = await storage.db
        .selectFrom('audit')
        .select(['at', ({ fn }) => fn.countAll<number>().as('parts')])
        .groupBy('at')
        .orderBy('at')
        .execute();
      await storage.close();
      expect(said).toBeGreaterThanOrEqual(count);
      expect(groups.length).toBeGreaterThanOrEqual(said);
      expect(groups.map(({ at }) => at)).toEqual(groups.map((_, index) => index + 1));
      expect(groups.every(({ parts }) => parts === 4)).toBe(true);
    }
  });
});

describe('blobs', () => {
  test('are kept by their digest and refused under another', async () => {
    const { blobs, close } = await openStorage(options(':memory:'));
    const bytes = new Uint8Array(randomBytes(1_000));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await blobs.has(sha256)).toBe(false);
    await blobs.put(sha256, bytes);
    await blobs.put(sha256, bytes);
    expect(new Uint8Array((await blobs.get(sha256)) ?? [])).toEqual(bytes);
    await expect(blobs.put('0'.repeat(64), bytes)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect(await blobs.isWhole(sha256)).toBe(true);
    expect(new Uint8Array(await blobs.readRange(sha256, 1, 1_000))).toEqual(bytes.slice(1));
    expect(await blobs.isWhole('0'.repeat(64))).toBe(false);
    await expect(blobs.get('../../etc/passwd')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
    await close();
  });
});

describe('the data folder', () => {
  const mark = (text: string) => writeFile(join(folder, 'covey.json'), text);

  test('is claimed once and recognised afterwards', async () => {
    const path = join(folder, 'data');
    await claimDataFolder(systemDisk, path);
    await writeFile(join(path, 'covey.db'), '');
    await claimDataFolder(systemDisk, path);
    expect((await stat(join(path, 'covey.json'))).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['DATA_FOREIGN', '{"format":"covey-data/1","kind":"device"}'],
    ['DATA_NEWER', '{"format":"covey-data/2","kind":"controller"}'],
    ['DATA_CORRUPT', '{"format":"covey-da'],
    ['DATA_CORRUPT', '{"format":"other/1"}'],
    ['DATA_CORRUPT', '[]'],
    ['DATA_CORRUPT', 'null'],
  ])('%s for a marker %s', async (code, text) => {
    await mark(text);
    await expect(claimDataFolder(systemDisk, folder)).rejects.toMatchObject({ code });
  });

  test('that was in use and has lost its database is DATA_CORRUPT', async () => {
    await claimDataFolder(systemDisk, folder);
    await mkdir(join(folder, 'ca'));
    await expect(claimDataFolder(systemDisk, folder)).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
    await writeFile(join(folder, 'covey.db'), '');
    await expect(claimDataFolder(systemDisk, folder)).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
    await writeFile(join(folder, 'covey.db'), 'something');
    await claimDataFolder(systemDisk, folder);
  });

  test('DATA_FOREIGN for a folder of something else', async () => {
    await writeFile(join(folder, 'photo.jpg'), '');
    await expect(claimDataFolder(systemDisk, folder)).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
  });
});
