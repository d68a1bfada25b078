import type { Clock, Log } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { Storage } from '../storage/index.ts';

/** A chunk that is asked for by all is spoken of once in a while. */
const sayAgainMs = 3_600_000;

export interface LostChunks {
  /** To be called for a chunk that is not on the disk, or not as it was: says so where versions have it. Errors: CHUNK_LOST. */
  miss(sha256: string): Promise<void>;
  /** It was uploaded. */
  found(sha256: string): Promise<void>;
}

/** Chunks of published versions that the disk has lost or damaged: in the log and the audit, with the versions' names. */
export function createLostChunks({
  storage,
  clock,
  log,
}: {
  storage: Storage;
  clock: Clock;
  log: Log;
}): LostChunks {
  const saidAt = new Map<string, number>();
  const versionsWith = (sha256: string) =>
    storage.db
      .selectFrom('contents')
      .select(['model', 'version'])
      .where('sha256', '=', sha256)
      .where('path', '=', '')
      .orderBy('model')
      .orderBy('version')
      .execute();
  const audit = async (action: string, sha256: string, versions: { model: string; version: string }[]) => {
    const entry = { at: clock.now(), actor: 'controller', action };
    await storage.transaction(async (tx) => {
      for (const { model, version } of versions)
        await writeAudit(tx, { ...entry, subject: `model:${model}`, detail: { version, chunk: sha256 } });
    });
  };
  return {
    miss: async (sha256) => {
      const versions = await versionsWith(sha256);
      if (versions.length === 0) return;
      const names = versions.map(({ model, version }) => `${model} ${version}`);
      const error = new CoveyError(
        'CHUNK_LOST',
        `the disk of the controller has lost or damaged chunk ${sha256.slice(0, 12)} of ${names.join(', ')}`,
      );
      const at = clock.now();
      if (at - (saidAt.get(sha256) ?? Number.NEGATIVE_INFINITY) >= sayAgainMs) {
        saidAt.set(sha256, at);
        const { code, message, remedy } = error.toJSON();
        log.write('error', message, { code, chunk: sha256, versions: names, remedy });
        await audit('chunk.lose', sha256, versions);
      }
      throw error;
    },
    found: async (sha256) => {
      if (saidAt.delete(sha256)) await audit('chunk.restore', sha256, await versionsWith(sha256));
    },
  };
}
