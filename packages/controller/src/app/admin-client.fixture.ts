import { join } from 'node:path';
import { firstUpload } from '@covey/bundle/tuf';
import { systemClock, systemDisk, systemRandom } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { publisher, requestFor, rootSigner } from '../trust.fixture.ts';
import { type Addresses, type Controller, createController } from './controller.ts';
import { memoryLog, type testBundle } from './domain.fixture.ts';

/** A controller on free ports, but for those given, with its data in `<folder>/controller`. */
export function controllerIn(
  folder: string,
  ports: { adminPort?: number; devicePort?: number } = {},
  log: string[] = [],
): Controller {
  return createController({
    ports: { clock: systemClock, random: systemRandom, disk: systemDisk, log: memoryLog(log) },
    folder: join(folder, 'controller'),
    listen: { host: '127.0.0.1', adminPort: 0, mqttPort: 0, devicePort: 0, ...ports },
    names: [],
    version: '0.1.0',
  });
}

/** The admin API of a controller that keeps its data in `<folder>/controller`. */
export async function admin(folder: string, { adminUrl }: Pick<Addresses, 'adminUrl'>) {
  const base = { timeoutMs: 5_000, maxBytes: 1_000_000 };
  const read = (name: string) => systemDisk.read(join(folder, 'controller', name));
  const token = new TextDecoder().decode(await read('admin.token')).trim();
  const insecure = await nodeFetch({
    ...base,
    method: 'GET',
    url: `${adminUrl}/enrol/ca`,
    tls: { insecureReadOfCa: true },
  });
  const ca = new TextDecoder().decode(insecure.body);
  return {
    ca,
    call: async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) => {
      const isBytes = body instanceof Uint8Array;
      const answer = await nodeFetch({
        ...base,
        method,
        url: `${adminUrl}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && {
            'content-type': isBytes ? 'application/octet-stream' : 'application/json',
          }),
        },
        ...(body !== undefined && { body: isBytes ? body : new TextEncoder().encode(JSON.stringify(body)) }),
        tls: { ca },
      });
      const text = new TextDecoder().decode(answer.body);
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    },
  };
}

export type Call = Awaited<ReturnType<typeof admin>>['call'];

/** A root of trust that names the keys of the tests, and the controller's own for what it signs by itself. */
export async function trustPublisher(call: Call): Promise<void> {
  const { keyid: _, ...online } = (await call('GET', '/v1/trust')).body.onlineKey;
  const one = (signer: typeof publisher) => ({ signers: [signer], threshold: 1 });
  const upload = await firstUpload({ root: one(rootSigner), targets: one(publisher) }, online, Date.now());
  const { status } = await call('POST', '/v1/trust', upload);
  if (status !== 200) throw new Error(`the root of trust is refused: ${status}`);
}

/** Uploads a bundle and publishes it. */
export async function publish(call: Call, bundle: ReturnType<typeof testBundle>) {
  for (const [sha256, bytes] of bundle.chunks) await call('PUT', `/v1/chunks/${sha256}`, bytes);
  const newest = async (role: string) => {
    const { status, body } = await call('GET', `/v1/trust/${role}`);
    return status === 200 ? new TextEncoder().encode(JSON.stringify(body)) : undefined;
  };
  return call('POST', '/v1/models/bearing/versions', await requestFor({ newest }, bundle, Date.now()));
}
