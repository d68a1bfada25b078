import type { InjectOptions } from 'fastify';
import { type AdminServices, createAdminServer } from '../http/index.ts';
import { openIdentity } from '../identity/index.ts';
import { createTransfers } from '../transfers/index.ts';
import { requestFor } from '../trust.fixture.ts';
import { type DomainFixture, domainFixture, memoryLog, type testBundle } from './domain.fixture.ts';

export interface ApiFixture extends DomainFixture {
  token: string;
  server: Awaited<ReturnType<typeof createAdminServer>>;
  /** Devices whose connections were ended. */
  disconnected: string[];
}

/** The admin API on a domain with virtual time, without sockets. */
export async function apiFixture(devices: readonly string[]): Promise<ApiFixture> {
  const fixture = await domainFixture(devices);
  const { storage, world, disk } = fixture;
  const { clock } = world;
  const random = world.random('identity');
  const { trust } = fixture.domain;
  const identity = await openIdentity({ folder: '/data', names: [], storage, clock, random, disk, trust });
  const disconnected: string[] = [];
  const log = memoryLog(fixture.log);
  const transfers = createTransfers({ storage, clock, log, quotaBytes: 1e9 });
  const services: AdminServices = {
    ...fixture.domain,
    storage,
    clock,
    log,
    identity,
    transfers,
    disconnect: (device) => disconnected.push(device),
    urls: () => ({ adminUrl: 'https://c:8080', mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' }),
    version: '0.1.0',
  };
  const server = await createAdminServer(services, undefined);
  const close = async () => {
    await server.close();
    await transfers.stop();
    await fixture.close();
  };
  return { ...fixture, token: identity.adminToken, server, disconnected, close };
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request with the token; a body of bytes goes as octets, anything else as JSON. */
export async function callApi({ server, token }: ApiFixture, method: Method, url: string, body?: unknown) {
  const request: InjectOptions = { method, url, headers: { authorization: `Bearer ${token}` } };
  if (body instanceof Uint8Array) {
    request.payload = Buffer.from(body);
    request.headers = { ...request.headers, 'content-type': 'application/octet-stream' };
  } else if (body !== undefined) request.payload = body as object;
  const answer = await server.inject(request);
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() };
}

/** Publishes a bundle as a client does: what is missing, the chunks, the manifest with its metadata. */
export async function publishBundle(fixture: ApiFixture, bundle: ReturnType<typeof testBundle>) {
  const { body } = await callApi(fixture, 'POST', '/v1/chunks/missing', {
    chunks: [...bundle.chunks.keys()],
  });
  for (const sha256 of body.missing)
    await callApi(fixture, 'PUT', `/v1/chunks/${sha256}`, bundle.chunks.get(sha256));
  const request = await requestFor(fixture.domain.trust, bundle, fixture.world.clock.now());
  return callApi(fixture, 'POST', '/v1/models/bearing/versions', request);
}
