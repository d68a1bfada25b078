import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6 } from 'node:net';
import { askStanding, tlsOf, webSocketUrl } from '@covey/agent';
import { connectTls, type HttpProxy, isProxied, network, tunnel } from '@covey/ports/network';
import { CoveyError, downKinds, errorCatalogue, toCoveyError, topicOf } from '@covey/protocol';
import { chooseProxy } from '../network/proxy.ts';
import { type Check, type Finding, failed, ok, type Patient, skipped, warning } from './check.ts';

const timeoutMs = 10_000;
/** Above this, maintenance windows and times in reports are off. */
const skewMs = 60_000;
const dayMs = 86_400_000;

/** The way from the device to its controller, from the name to a subscription. */
export const networkChecks: readonly Check[] = [
  { name: 'proxy', run: checkProxy },
  { name: 'name', run: checkNames },
  { name: 'https', run: checkHttps },
  { name: 'controller', run: checkController },
  { name: 'clock', run: checkClock },
  { name: 'ranges', run: checkRanges },
  { name: 'mqtt', run: checkMqtt },
];

const noIdentity = skipped('there is no identity to connect with');
const notReached = skipped('the controller was not reached');

async function checkProxy(patient: Patient): Promise<Finding> {
  const { proxy, source } = chooseProxy(patient.folder);
  patient.network = network(proxy);
  if (!proxy) return ok(source === 'folder' ? 'none, by `covey proxy off`' : 'none');
  patient.proxy = proxy;
  const { hostname, port, protocol } = new URL(proxy.url);
  const said = source === 'folder' ? 'set by `covey proxy`' : 'from HTTPS_PROXY';
  try {
    await reachable(hostname.replace(/^\[|\]$/g, ''), Number(port || (protocol === 'https:' ? 443 : 80)));
  } catch (error) {
    return failed(
      `the proxy ${proxy.url} (${said}) does not answer: ${(error as Error).message}`,
      'Correct its address with `covey proxy set`, or turn it off with `covey proxy off`.',
      'PROXY_UNREACHABLE',
    );
  }
  return ok(`${proxy.url}, ${said}`);
}

async function checkNames({ store, proxy }: Patient): Promise<Finding> {
  if (!store) return noIdentity;
  const { hostname } = addressOf(store.identity.deviceUrl);
  if (isIP(hostname)) return ok(`${hostname} needs no name resolution`);
  if (proxy && isProxied(proxy, hostname)) return skipped(`the proxy resolves ${hostname}`);
  try {
    const { address } = await lookup(hostname);
    return ok(`${hostname} is ${address}`);
  } catch (error) {
    return failed(
      `${hostname} has no address here (${(error as NodeJS.ErrnoException).code})`,
      'Check the DNS server of this machine, or add the name to /etc/hosts.',
      'UNREACHABLE',
    );
  }
}

async function checkHttps({ store, proxy }: Patient): Promise<Finding> {
  if (!store) return noIdentity;
  const { hostname: host, port } = addressOf(store.identity.deviceUrl);
  const blocked = await passage(host, port, proxy);
  if (blocked) return blocked;
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = await connectTls({ host, port, tls: tlsOf(store.identity), proxy, signal });
  socket.destroy();
  return ok(`${shown(host, port)} is the controller that this device was enrolled at`);
}

async function checkController(patient: Patient): Promise<Finding> {
  const { store, network: through } = patient;
  if (!store || !through) return noIdentity;
  try {
    patient.standing = await askStanding(through, store);
  } catch (thrown) {
    const error = toCoveyError(thrown);
    if (error.code !== 'CERTIFICATE_EXPIRED') throw error;
    return warning(error.message, 'The agent renews it by itself; start it, or wait for it.');
  }
  return patient.standing.renewalDue
    ? ok('it takes the certificate of this device, which the agent is about to renew')
    : ok('it takes the certificate of this device');
}

async function checkClock({ standing }: Patient): Promise<Finding> {
  if (!standing) return notReached;
  const offMs = Date.now() - standing.now;
  const words = `${Math.round(Math.abs(offMs) / 1_000)} s ${offMs < 0 ? 'behind' : 'ahead of'} the controller`;
  if (Math.abs(offMs) < skewMs) return ok(words);
  const days = Math.abs(offMs) > dayMs ? `, ${Math.round(Math.abs(offMs) / dayMs)} days` : '';
  return warning(
    `this clock is ${words}${days}: connections hold all the same, maintenance windows and times in logs are off`,
    'Start a time service, such as systemd-timesyncd or chrony.',
  );
}

async function checkRanges({ store, standing, network: through }: Patient): Promise<Finding> {
  if (!store || !standing || !through) return notReached;
  const { status, body } = await through.fetch({
    method: 'GET',
    url: new URL('/identity/sample', store.identity.deviceUrl).href,
    headers: { range: 'bytes=1000-1099' },
    tls: tlsOf(store.identity),
    timeoutMs,
    maxBytes: 1_000_000,
  });
  const isRight =
    status === 206 && body.byteLength === 100 && body.every((byte, at) => byte === ((1_000 + at) & 0xff));
  return isRight
    ? ok('parts of files come through as asked for')
    : failed(
        `a part of a file was asked for and ${body.byteLength} bytes came with status ${status}`,
        'Something between changes HTTP: have it let the connection through unchanged.',
        'UNREACHABLE',
      );
}

async function checkMqtt({ store, standing, proxy, network: through, isRunning }: Patient): Promise<Finding> {
  if (!store || !through) return noIdentity;
  const { mqttUrl, deviceUrl } = store.identity;
  const { hostname, port } = addressOf(mqttUrl);
  const blocked = await passage(hostname, port, proxy);
  if (isRunning) {
    // A session of ours would end the agent's.
    if (standing?.online) return ok('the session of the running agent is up');
    if (!standing) return notReached;
    return failed(
      'the running agent has no session',
      'Look at its log, or stop it and run this again.',
      'UNREACHABLE',
    );
  }
  const url = blocked ? webSocketUrl(deviceUrl) : mqttUrl;
  await subscribeBy(url, through, store.identity);
  return blocked
    ? warning(
        `${blocked.message}; MQTT over WebSocket works (${url}) and is used instead`,
        `Nothing needs to be done; ${shown(hostname, port)} would be used where it passes.`,
      )
    : ok(`connected and subscribed at ${url}`);
}

async function subscribeBy(
  url: string,
  { link }: NonNullable<Patient['network']>,
  identity: NonNullable<Patient['store']>['identity'],
): Promise<void> {
  const { deviceId } = identity;
  const session = await link.connect({
    url,
    clientId: deviceId,
    tls: tlsOf(identity),
    // Of a boot that never was: the controller takes no notice of its end.
    will: { topic: topicOf(deviceId, 'death'), payload: Buffer.from('{"bootId":"doctor"}') },
    keepaliveSeconds: 30,
    connectTimeoutMs: timeoutMs,
    onMessage: () => {},
    onClose: () => {},
  });
  try {
    await session.subscribe(downKinds.map((kind) => topicOf(deviceId, kind)));
  } finally {
    await session.end({ graceful: true });
  }
}

/** What keeps a connection from being made; undefined: nothing does. */
async function passage(
  host: string,
  port: number,
  proxy: HttpProxy | undefined,
): Promise<Finding | undefined> {
  try {
    if (proxy && isProxied(proxy, host)) {
      (await tunnel(proxy, host, port, AbortSignal.timeout(timeoutMs))).destroy();
    } else await reachable(host, port);
    return undefined;
  } catch (error) {
    if (error instanceof CoveyError && error.code.startsWith('PROXY_'))
      return failed(error.message, errorCatalogue[error.code].remedy, error.code);
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    return failed(
      refused
        ? `nothing listens at ${shown(host, port)}`
        : `${shown(host, port)} does not answer: ${(error as Error).message}`,
      refused
        ? 'Start the controller, or correct its port.'
        : 'Have the firewall let this port through, or set an HTTP proxy with `covey proxy set`.',
      'UNREACHABLE',
    );
  }
}

function reachable(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
    socket.once('connect', () => end()).once('error', end);
  });
}

function addressOf(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url);
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}

/** As it stands in a URL. */
function shown(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
