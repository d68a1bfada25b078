import { createClient, ensureTrust, exampleBundle, findConnection, publishBundle } from '@covey/cli';
import type { ExampleVersionNumber } from '@covey/example';

/** Signs a version of the bundled example with the fleet's publisher key and publishes it, as `covey up` does. */
export async function publishExample(data: string, version: ExampleVersionNumber): Promise<void> {
  const client = createClient(findConnection({ data }));
  await publishBundle(client, exampleBundle(version), [await ensureTrust(client, data)], () => {});
}
