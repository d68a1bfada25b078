import type { Executor } from './context.ts';

/** Removes bundles that no release names. */
export const collect: Executor<'collect'> = async ({ remove }, { store, ports }) => {
  await store.remove(remove);
  for (const digest of remove) ports.log.write('info', 'bundle removed', { digest });
  return null;
};
