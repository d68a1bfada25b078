/** Messages that share one transaction and so one sync of the disk. */
const itemsPerBatch = 256;

export interface Batches<T> {
  /** Resolves when the item has been stored, or its failure dealt with. */
  put(item: T): Promise<void>;
}

/**
 * Items are stored in the order they came, as many together as have gathered. When a batch fails each of its items is tried
 * alone, so that one that cannot be stored takes no other with it; its failure goes to `onFailure`.
 */
export function createBatches<T>(
  store: (batch: readonly T[]) => Promise<void>,
  { onFailure }: { onFailure: (item: T, error: unknown) => Promise<void> },
): Batches<T> {
  const waiting: { item: T; done: PromiseWithResolvers<void> }[] = [];
  let draining = false;
  const storeAlone = async ({ item, done }: (typeof waiting)[number]) => {
    try {
      await store([item]);
      done.resolve();
    } catch (error) {
      // Not awaited: dealing with a failure may put another item, which waits for this batch.
      onFailure(item, error).then(done.resolve, done.reject);
    }
  };
  const drain = async () => {
    if (draining) return;
    draining = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, itemsPerBatch);
      const stored = await store(batch.map(({ item }) => item)).then(
        () => true,
        () => false,
      );
      for (const entry of batch) {
        if (stored) entry.done.resolve();
        else await storeAlone(entry);
      }
    }
    draining = false;
  };
  return {
    put: (item) => {
      const done = Promise.withResolvers<void>();
      waiting.push({ item, done });
      void drain();
      return done.promise;
    },
  };
}
