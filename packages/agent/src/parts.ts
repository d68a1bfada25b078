import type { Ports } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { openBundleStore } from './bundles/index.ts';
import { noOrder, openPassage } from './delivery/index.ts';
import { createDownloader } from './download/index.ts';
import type { DeviceFolder } from './folder/index.ts';
import type { IdentityStore, LostIdentity } from './identity/index.ts';
import { createInbox } from './inbox/index.ts';
import type { Ledger } from './ledger/index.ts';
import { openRoutes } from './link/index.ts';
import type { AgentOptions } from './options.ts';
import { openOutbox } from './outbox/index.ts';
import { deviceHost } from './report/index.ts';
import type { Supervisor, SupervisorSettings } from './runtime/index.ts';
import { createScrub, type Scrub, type ScrubOptions } from './scrub/index.ts';
import { openSoftware } from './software/index.ts';
import { countStart } from './starts/index.ts';
import { FoundProviders, readMeasured, type StepContext } from './steps/index.ts';
import { createTrust, hasLearnedRoot } from './trust/index.ts';
import { isSettled, pinnedBundles, type Update } from './update/index.ts';
import { recordStart } from './updater/index.ts';

const defaultScrubBytesPerDay = 1e9;
const outboxLimits = { messages: 20_000, bytes: 16 * 1024 * 1024 };

/** To be called before anything else of the agent that may fail. A disk that takes no note of the start keeps nothing from being served. */
export async function countAndRecord(
  ports: Ports,
  folder: DeviceFolder,
  { ledger, now }: { ledger: Ledger; now: () => number },
): Promise<void> {
  try {
    await recordStart(ledger, now(), await countStart(ports.disk, folder.state));
  } catch (error) {
    const { code, message } = toCoveyError(error);
    ports.log.write('error', `this start is not counted: ${message}`, { code });
  }
}

/** What an agent keeps on its disk. */
export type Parts = Awaited<ReturnType<typeof openParts>>;

/** Errors: DATA_CORRUPT, DATA_NEWER, those of the disk. */
export async function openParts(
  ports: Ports,
  options: AgentOptions,
  { folder, store, ledger }: { folder: DeviceFolder; store: IdentityStore | LostIdentity; ledger: Ledger },
) {
  const bootId = Buffer.from(ports.random.bytes(16)).toString('hex');
  const bundles = await openBundleStore(ports.disk, folder.bundles);
  const { identity } = store;
  const inbox = createInbox({ ...ports, fetch: 'lost' in store ? fetchNothing : ports.fetch }, folder.inbox);
  const local = { ...ports, fetch: inbox.fetch };
  const providers = await foundProviders(ports, folder.state);
  return {
    inbox,
    providers,
    bootId,
    stateFolder: folder.state,
    ledger,
    software: options.software ? await openSoftware(ports.disk, folder.software, options.software) : null,
    store,
    bundles,
    downloader: createDownloader(local, bundles, {
      folder: folder.bundles,
      identity,
      host: () => deviceHost(ports.host.describe(), providers.list, options.agentVersion),
      quotaBytes: options.bundleQuotaBytes ?? null,
    }),
    delivery: {
      deviceId: identity.deviceId,
      folder: folder.root,
      stateFolder: folder.state,
      isMetered: options.isMetered ?? false,
      timeZone: options.timeZone ?? ports.host.describe().timeZone,
    },
    routes: await openRoutes(
      { ...ports, log: ports.log.component('link') },
      `${folder.state}/link.json`,
      identity,
    ),
    hasLearnedRoot: await hasLearnedRoot(ports.disk, folder.trust),
    trust: createTrust(local, { identity, folder: folder.trust, ledger }),
    outbox: await openOutbox(
      { ...ports, log: ports.log.component('outbox') },
      { folder: folder.outbox, bootId, flushMs: options.intervals.telemetryFlushMs, limits: outboxLimits },
    ),
  };
}

/** What is under way goes on as without a network: a parcel may still bring it. */
const fetchNothing: Ports['fetch'] = async ({ url }) => {
  throw new CoveyError('UNREACHABLE', `${url} is not asked: the identity of this device is damaged`);
};

/** As earlier probes have found; where they cannot be read, the next probe finds out again. */
async function foundProviders(ports: Pick<Ports, 'disk' | 'log'>, stateFolder: string) {
  const providers = new FoundProviders();
  try {
    for (const measured of Object.values(await readMeasured(ports.disk, stateFolder)))
      providers.probed(measured);
  } catch (error) {
    ports.log.write('warn', `what was measured before cannot be read: ${toCoveyError(error).message}`);
  }
  return providers;
}

/** Looks after the bundles that are committed, while no update is under way. */
export function scrubOf(
  ports: Ports,
  { bundles, downloader, delivery }: Pick<Parts, 'bundles' | 'downloader' | 'delivery'>,
  options: Pick<ScrubOptions, 'onEvent'> & { bytesPerDay: number | undefined; update: () => Update },
): Scrub {
  const { update, bytesPerDay = defaultScrubBytesPerDay, onEvent } = options;
  return createScrub({ ...ports, log: ports.log.component('scrub') }, bundles, {
    bytesPerDay,
    onEvent,
    watched: () => (isSettled(update()) ? [...pinnedBundles(update())] : []),
    repair: async (digest, signal) => {
      const { desired } = update();
      // What was wanted last says how it may come: a metered link is one for a repair, too.
      const passage = await openPassage(ports, delivery, desired ?? noOrder);
      const needed = [...pinnedBundles(update())];
      await downloader.fetchBundle(digest, { passage, needed, signal, onProgress: () => {} });
    },
  });
}

/** What the steps of an update work with. */
export function stepContext(
  ports: Ports,
  { bundles, trust, downloader, delivery, software, stateFolder, providers }: Parts,
  supervisor: Supervisor,
  { probeModule, serving }: Pick<AgentOptions, 'probeModule' | 'serving'>,
): Omit<StepContext, 'update' | 'now' | 'cancelWork'> {
  return {
    ports: { ...ports, log: ports.log.component('steps') },
    store: bundles,
    ...{ trust, downloader, delivery, supervisor, software, stateFolder, providers, probeModule },
    routes: serving?.routes ?? [],
  };
}

export function supervisorSettings(options: AgentOptions): SupervisorSettings {
  const { runtimeModule, inference, observing, serving, folder, warmSpare, intervals } = options;
  return {
    module: runtimeModule,
    inference,
    ...(observing && { observing }),
    ...(serving && { serving }),
    metricsIntervalMs: intervals.metricsMs,
    summaryIntervalMs: intervals.summaryMs,
    folder,
    warmSpare,
  };
}
