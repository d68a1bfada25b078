import {
  createClient,
  ensurePublisherKey,
  exampleBundle,
  findConnection,
  publishBundle,
  publisherKeyPath,
  readPublisherKey,
} from '@covey/cli';
import type { ExampleVersionNumber } from '@covey/example';

/** Signs a version of the bundled example with the fleet's publisher key and publishes it, as `covey up` does. */
export async function publishExample(data: string, version: ExampleVersionNumber): Promise<void> {
  const key = publisherKeyPath(data);
  ensurePublisherKey(key);
  await publishBundle(
    createClient(findConnection({ data })),
    exampleBundle(version, readPublisherKey(key)),
    () => {},
  );
}
