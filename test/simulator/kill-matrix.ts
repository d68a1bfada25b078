import { isDeepStrictEqual } from 'node:util';
import type { UpdateState } from '@covey/protocol';
import { RolloutPlan } from '@covey/protocol/api';
import type { SimulatedDevice } from './device.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { modelName, type VersionName, versions } from './versions.ts';

/** How long a fault that passes lasts, and how long a device that died is off. */
const faultMs = 60_000;
const offMs = 5_000;
const stepMs = 200;
/** By then everything must have ended: gates give up after half of it. */
const patienceMs = 40 * 60_000;

/** A row of the matrix: the state in which things go wrong, and how a device gets there. */
export interface Row {
  name: string;
  state: UpdateState;
  /** What is rolled out when it goes wrong. */
  version: VersionName;
  /** The soak sees nobody, and the golden vectors run again. */
  isReplaying?: boolean;
  /** There is no version before. */
  isFirst?: boolean;
  /** The disk has no room for the new version. */
  isFull?: boolean;
}

export const rows: readonly Row[] = [
  { name: 'idle', state: 'idle', version: 'good', isFirst: true },
  { name: 'deferred', state: 'deferred', version: 'good', isFull: true },
  ...(['downloading', 'verifying', 'probing', 'activating', 'soaking'] as const).map(
    (state): Row => ({ name: state, state, version: 'good' }),
  ),
  { name: 'soaking, golden vectors again', state: 'soaking', version: 'good', isReplaying: true },
  { name: 'committed', state: 'committed', version: 'good' },
  { name: 'reverting', state: 'reverting', version: 'bad' },
  { name: 'reverted', state: 'reverted', version: 'bad' },
  { name: 'rejected', state: 'rejected', version: 'unfit' },
];

/** What goes wrong with a device; `later` undoes it. */
type Strike = (
  device: SimulatedDevice,
  fleet: Fleet,
  later: (delayMs: number, act: () => void) => void,
) => void;

const until = (strike: (device: SimulatedDevice, isOn: boolean, fleet: Fleet) => void): Strike => {
  return (device, fleet, later) => {
    strike(device, true, fleet);
    later(faultMs, () => strike(device, false, fleet));
  };
};
const spoiling = (how: 'damaged' | 'made up'): Strike =>
  until(({ id }, isOn, { network }) => network.spoil(id, isOn ? how : 'none'));

/** The columns. */
export const faults: Readonly<Record<string, Strike>> = {
  'SIGKILL agent': (device, _fleet, later) => {
    device.kill();
    later(offMs, () => device.boot());
  },
  'SIGKILL runtime': (device) => device.runtime?.crash(),
  'power cut': (device, _fleet, later) => {
    device.cutPower();
    later(offMs, () => device.boot());
  },
  'disk full': until(({ machine: { disk } }, isOn) => {
    disk.capacityBytes = isOn ? disk.usedBytes : disk.usedBytes + 1e9;
  }),
  'disk read error': until(({ machine: { disk } }, isOn) => {
    disk.isUnreadable = (path) => isOn && path.includes('/bundles/');
  }),
  'network cut': until(({ id }, isOn, { network }) => (isOn ? network.cutOff(id) : network.reach(id))),
  'clock years ahead': until((device, isOn) => (isOn ? device.jumpClock(3e11) : device.setClockRight())),
  'clock years behind': until((device, isOn) => (isOn ? device.jumpClock(-3e11) : device.setClockRight())),
  'corrupt chunk': spoiling('damaged'),
  'hostile server': spoiling('made up'),
};

/** How one cell of the matrix ended. */
export interface CellOutcome {
  fault: string;
  wasStruck: boolean;
  /** The one version that serves; what is wrong otherwise. */
  serves: VersionName | string;
  state: UpdateState | undefined;
  /** The controller's word for the rollout. */
  rollout: string;
  /** The controller has the device's last report. */
  isKnown: boolean;
  /** Longest time in which the device was on, had served, and did not, in milliseconds. */
  longestGapMs: number;
}

interface Cell {
  fault: string;
  device: SimulatedDevice;
  rollout: string;
  wasStruck: boolean;
  hasServed: boolean;
  gapMs: number;
  longestGapMs: number;
}

/** One row of the matrix: a device for each of `columns`, names of faults, under one controller. */
export async function runRow(row: Row, columns: readonly string[]): Promise<CellOutcome[]> {
  const struck = new Map<string, () => void>();
  const fleet = await createFleet(1, columns.length, {
    persisted: (device, state, isReplaying) => {
      if (state === row.state && isReplaying === (row.isReplaying ?? false)) struck.get(device.id)?.();
    },
  });
  if (!row.isFirst) await install(fleet);
  const cells = columns.map((fault, index): Cell => {
    const strike = faults[fault] as Strike;
    const device = fleet.devices[index] as SimulatedDevice;
    const cell = {
      fault,
      device,
      rollout: '',
      wasStruck: false,
      hasServed: false,
      gapMs: 0,
      longestGapMs: 0,
    };
    const { setTimer } = fleet.world.clock;
    const later = (delayMs: number, act: () => void) => void setTimer(delayMs, act);
    struck.set(device.id, () => {
      struck.delete(device.id);
      cell.wasStruck = true;
      strike(device, fleet, later);
      if (row.isFull) later(faultMs, () => makeRoom(device));
    });
    return cell;
  });
  if (row.state === 'idle') for (const strike of [...struck.values()]) strike();
  for (const cell of cells) cell.rollout = await begin(fleet, row, cell.device);
  for (let elapsedMs = 0; elapsedMs < patienceMs; elapsedMs += stepMs) {
    await fleet.world.advance(stepMs);
    for (const cell of cells) watch(cell);
    if (elapsedMs > faultMs && elapsedMs % 5_000 === 0 && (await isOver(fleet, cells))) break;
  }
  const outcomes = await Promise.all(cells.map((cell) => outcomeOf(fleet, cell)));
  await fleet.controller.close();
  return outcomes;
}

function planOf(version: VersionName, selector: string, maxDurationMs: number) {
  return RolloutPlan.parse({
    ...{ model: modelName, version: versions[version].version, selector, waves: [{ percent: 100 }] },
    gate: { timeoutMs: patienceMs / 2 },
    soak: { minSamples: 50, maxDurationMs },
  });
}

async function install(fleet: Fleet): Promise<void> {
  const { rollouts } = fleet.controller.domain;
  const { id } = await rollouts.create(planOf('first', 'all', 60_000), 'admin');
  while ((await rollouts.view(id)).state === 'running') await fleet.world.advance(1_000);
}

async function begin(fleet: Fleet, { version, isReplaying, isFull }: Row, device: SimulatedDevice) {
  const { disk } = device.machine;
  if (isFull) disk.capacityBytes = disk.usedBytes + 4e6;
  if (isReplaying) device.requestsPerSecond = 0;
  const plan = planOf(version, `id=${device.id}`, isReplaying ? 30_000 : 300_000);
  return (await fleet.controller.domain.rollouts.create(plan, 'admin')).id;
}

function makeRoom({ machine: { disk } }: SimulatedDevice): void {
  disk.capacityBytes = disk.usedBytes + 1e9;
}

function servedBy({ runtime }: SimulatedDevice): string[] {
  return runtime?.isAlive() ? (runtime.plan?.models ?? []).map(({ ref }) => ref.bundle) : [];
}

function watch(cell: Cell): void {
  const isServing = servedBy(cell.device).length > 0;
  cell.hasServed ||= isServing;
  cell.gapMs = isServing || !cell.device.isOn || !cell.hasServed ? 0 : cell.gapMs + stepMs;
  cell.longestGapMs = Math.max(cell.longestGapMs, cell.gapMs);
}

async function isOver(fleet: Fleet, cells: readonly Cell[]): Promise<boolean> {
  const outcomes = await Promise.all(cells.map((cell) => outcomeOf(fleet, cell)));
  const settled = ['committed', 'reverted', 'rejected'];
  return outcomes.every(
    ({ isKnown, rollout, state = '' }) =>
      isKnown && settled.includes(state) && ['succeeded', 'reverted', 'paused'].includes(rollout),
  );
}

async function outcomeOf({ controller, digests }: Fleet, cell: Cell): Promise<CellOutcome> {
  const { device, fault, wasStruck, longestGapMs } = cell;
  const reported = device.status()?.reported;
  const row = await controller.storage.db
    .selectFrom('devices')
    .select('reported')
    .where('id', '=', device.id)
    .executeTakeFirstOrThrow();
  const known = row.reported === null ? null : JSON.parse(row.reported).reported;
  const served = new Set([...servedBy(device), ...(reported?.serving ?? []).map(({ bundle }) => bundle)]);
  const names = [...served].map(
    (bundle) => Object.entries(digests).find(([, digest]) => digest === bundle)?.[0] ?? bundle,
  );
  return {
    ...{ fault, wasStruck, longestGapMs, state: reported?.state },
    serves: names.length === 1 ? (names[0] as VersionName) : `${names.length} versions`,
    rollout: (await controller.domain.rollouts.view(cell.rollout)).state,
    isKnown: isDeepStrictEqual(known, reported),
  };
}
