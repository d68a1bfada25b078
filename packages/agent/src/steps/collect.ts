import type { Executor } from './context.ts';

/** Removes bundles that no release names. */
export const collect: Executor<'collect'> = async ({ remove }, { store, ports }) => {
  for (const digest of remove) {
    await store.remove(digest);
    ports.log.write('info', 'bundle removed', { digest });
  }
  return null;
};
