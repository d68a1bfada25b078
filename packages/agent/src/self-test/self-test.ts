import type { Disk, Ports } from '@covey/ports';
import { CoveyError, isSoftware } from '@covey/protocol';
import { openBundleStore, probeCandidate } from '../bundles/index.ts';
import { type DeviceFolder, openDeviceFolder } from '../folder/index.ts';
import { openIdentity } from '../identity/index.ts';
import { openLedger } from '../ledger/index.ts';
import { createSupervisor, type SupervisorHandlers } from '../runtime/index.ts';
import { probeLimitMs, runProbe } from '../steps/index.ts';
import type { Choice } from '../update/index.ts';

interface SelfTest {
  /** The data folder of the device whose agent runs beside this; nothing in it is changed. */
  folder: string;
  /** An empty folder for what the runtime writes. */
  scratch: string;
  /** File URLs of the entries of runtime and probe. */
  runtimeModule: string;
  probeModule: string;
}

type TestPorts = Pick<Ports, 'clock' | 'random' | 'processes' | 'disk' | 'host' | 'log'>;

const startLimitMs = 60_000;
const startPollMs = 50;

/**
 * What software tries before a device is given over to it: that it can read the device's data, that its probe computes the
 * golden vectors of what is committed, and that its runtime comes up, on another port. Errors: DATA_NEWER and others of the
 * data, GOLDEN_MISMATCH, PROBE_CRASHED, TIMEOUT, those of a runtime that does not start.
 */
export async function testSoftware(ports: TestPorts, test: SelfTest): Promise<void> {
  const disk = readOnly(ports.disk);
  const folder = await openDeviceFolder(disk, test.folder);
  const { update } = await openLedger(disk, folder.state);
  if (!(await openIdentity(disk, folder)))
    throw new CoveyError('NOT_FOUND', `${test.folder} holds no identity that this software can read`);
  const choices = (update.committed?.choices ?? []).filter(({ ref }) => !isSoftware(ref.model));
  if (choices.length > 0) await testModels({ ...ports, disk }, test, { folder, choices });
  await testRuntime(ports, test);
}

/** The runtime that serves meanwhile keeps its memory: the probe is the first to die. */
async function testModels(
  ports: TestPorts,
  test: SelfTest,
  { folder, choices }: { folder: DeviceFolder; choices: Choice[] },
): Promise<void> {
  const store = await openBundleStore(ports.disk, folder.bundles);
  const candidates = await Promise.all(
    choices.map(({ ref, variant }) => probeCandidate(store, ref, variant)),
  );
  const job = { type: 'probe' as const, limitMs: probeLimitMs, candidates };
  const answer = await runProbe(job, { ports, probeModule: test.probeModule }, new AbortController().signal);
  if (answer.type !== 'verdict') throw new CoveyError('PROBE_CRASHED', answer.message);
  for (const { ref, variant } of choices) {
    const own = answer.results.filter(
      (result) => result.model === ref.model && result.version === ref.version && result.variant === variant,
    );
    if (!own.some(({ ok }) => ok))
      throw new CoveyError(
        'GOLDEN_MISMATCH',
        `${ref.model} ${ref.version}, ${variant}: ${own[0]?.reason ?? 'it was not measured'}`,
      );
  }
}

async function testRuntime(ports: TestPorts, { runtimeModule, scratch }: SelfTest): Promise<void> {
  const supervisor = createSupervisor(
    ports,
    {
      module: runtimeModule,
      inference: { host: '127.0.0.1', port: 0 },
      metricsIntervalMs: startLimitMs,
      summaryIntervalMs: startLimitMs,
      folder: scratch,
      warmSpare: false,
    },
    unheard,
  );
  supervisor.start();
  try {
    const until = ports.clock.monotonicMs() + startLimitMs;
    for (let status = supervisor.status(); !status.addresses; status = supervisor.status()) {
      if (status.deaths > 0)
        throw new CoveyError('SOFTWARE_FAILED', `its runtime died: ${status.lastError?.message ?? ''}`);
      if (ports.clock.monotonicMs() > until)
        throw new CoveyError('TIMEOUT', 'its runtime did not come up in time');
      await new Promise<void>((resolve) => ports.clock.setTimer(startPollMs, resolve));
    }
  } finally {
    await supervisor.stop();
  }
}

const nothing = () => {};
const unheard: SupervisorHandlers = {
  applied: nothing,
  applyFailed: nothing,
  evidence: nothing,
  died: nothing,
  shadowed: nothing,
  quarantined: nothing,
  unloaded: nothing,
  metrics: nothing,
  summary: nothing,
  changed: nothing,
};

/** Opening tidies up, which is for the agent that runs. */
function readOnly(disk: Disk): Disk {
  const unchanged = async () => {};
  return {
    ...disk,
    remove: unchanged,
    makeFolder: unchanged,
    write: refuse,
    append: refuse,
    truncate: refuse,
    rename: refuse,
  };
}

async function refuse(path: string): Promise<never> {
  throw new CoveyError('INTERNAL', `the self test would change ${path}`);
}
