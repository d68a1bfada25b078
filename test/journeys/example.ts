import type { ExampleVersionNumber } from '@covey/example';
import { createClient } from '../../packages/cli/src/client/client.ts';
import { findConnection } from '../../packages/cli/src/client/connection.ts';
import {
  ensurePublisherKey,
  publisherKeyPath,
  readPublisherKey,
} from '../../packages/cli/src/publish/keys.ts';
import { publishBundle } from '../../packages/cli/src/publish/publish.ts';
import { exampleBundle } from '../../packages/cli/src/up/bundle.ts';

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
