import { type Program, simulatedMachine, simulatedProcesses, simulatedWorld } from '@covey/ports/simulated';
import { type AgentToRuntime, encodeRunSlot, type LoadedModel, type ServingPlan } from '@covey/protocol';
import { expect, test } from 'vitest';
import type { SupervisorSettings } from './settings.ts';
import { createSupervisor } from './supervisor.ts';

const bundleOf = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');
const modelOf = (name: string): LoadedModel => ({
  ref: { model: name, version: '1.0.0', number: 1, bundle: bundleOf(name) },
  variant: 'fp32',
  provider: 'cpu',
  threads: 1,
  path: `/${name}.onnx`,
  schema: { inputs: [], outputs: [] },
});
const ready = {
  type: 'ready',
  url: 'http://127.0.0.1:8000',
  port: 8000,
  grpcUrl: 'grpc://127.0.0.1:8001',
  grpcPort: 8001,
};
const silent = { write: () => {}, component: () => silent };

interface FakeProcess {
  start: Extract<AgentToRuntime, { type: 'start' }>;
  plans: ServingPlan[];
  listens: boolean;
  /** Dies while these run. */
  die(...running: string[]): Promise<void>;
  say(message: unknown): void;
  isAlive(): boolean;
}

/** A supervisor whose processes do as they are told, and die when the test says so. */
async function supervised(
  settings: Partial<SupervisorSettings> = {},
  refuses: (plan: ServingPlan) => boolean = () => false,
) {
  const world = simulatedWorld(1);
  const processes: FakeProcess[] = [];
  const program: Program = (self) => {
    let process: FakeProcess | undefined;
    return {
      onMessage: (message) => {
        const order = message as AgentToRuntime;
        if (order.type === 'start') {
          process = {
            start: order,
            plans: [],
            listens: !order.standby,
            die: async (...running) => {
              const record = Buffer.concat(running.map((name) => encodeRunSlot(bundleOf(name), true)));
              await ports.disk.write(order.recordPath, record);
              self.exit({ code: null, signal: 'SIGSEGV' });
              await world.advance(10);
            },
            say: (said) => self.send(said),
            isAlive: self.isAlive,
          };
          processes.push(process);
          if (!order.standby) self.send(ready);
        } else if (order.type === 'listen') {
          if (process) process.listens = true;
          self.send(ready);
        } else if (order.type === 'apply') {
          process?.plans.push(order.plan);
          const error = { code: 'INVALID_DOCUMENT', message: 'refused', remedy: '' };
          self.send({ type: 'applied', plan: order.plan.plan, ...(refuses(order.plan) && { error }) });
        } else self.exit({ code: 0, signal: null });
      },
    };
  };
  const machine = simulatedMachine(world, {
    name: 'device',
    diskBytes: 1e9,
    link: { connect: () => Promise.reject(new Error('no network here')) },
    fetch: () => Promise.reject(new Error('no network here')),
    processes: simulatedProcesses(world, { 'sim:runtime': program }),
    log: silent,
  });
  const ports = machine.boot();
  await ports.disk.makeFolder('/data');
  const events: string[] = [];
  const supervisor = createSupervisor(
    ports,
    {
      module: 'sim:runtime',
      inference: { host: '127.0.0.1', port: 8000 },
      metricsIntervalMs: 1e9,
      summaryIntervalMs: 1e9,
      folder: '/data',
      warmSpare: false,
      ...settings,
    },
    {
      applied: () => {},
      applyFailed: () => {},
      evidence: () => {},
      died: (message) => events.push(message),
      quarantined: (ref) => events.push(`quarantined ${ref.model}`),
      shadowed: (message) => events.push(message),
      unloaded: (refs) => events.push(`unloaded ${refs.map(({ model }) => model)}`),
      metrics: () => {},
      summary: () => {},
      changed: () => {},
    },
  );
  supervisor.start();
  const models = ['good', 'bad'].map(modelOf);
  supervisor.serve({
    content: 'all',
    of: 'committed',
    generation: 1,
    load: async () => ({ models, beside: [], mirror: [] }),
  });
  await world.advance(100);
  const last = () => processes.at(-1) ?? expect.unreachable('no process was started');
  const names = () =>
    last()
      .plans.at(-1)
      ?.models.map(({ ref }) => ref.model);
  return { world, processes, supervisor, events, last, names };
}

test('free ports, once found, stay the same through deaths', async () => {
  const inference = { host: '127.0.0.1', port: 0, grpcPort: 0 };
  const { world, last, supervisor } = await supervised({ inference });
  expect(last().start).toMatchObject(inference);
  expect(supervisor.status().addresses?.grpcUrl).toBe('grpc://127.0.0.1:8001');
  await world.advance(61_000);
  await last().die();
  expect(last().start).toMatchObject({ host: '127.0.0.1', port: 8000, grpcPort: 8001 });
});

test('a first death starts the next process at once, with the same plan, and names what ran', async () => {
  const { world, last, processes, events, names, supervisor } = await supervised();
  await world.advance(120_000);
  await last().die('bad');
  expect(processes.length).toBe(2);
  await world.advance(10);
  expect(names()).toEqual(['good', 'bad']);
  expect(events).toEqual(['the runtime ended with SIGSEGV while bad 1.0.0 ran']);
  expect(supervisor.status()).toMatchObject({ state: 'ready', deaths: 1, quarantined: [] });
});

test('what keeps ending the process is left out, said so in the plan, and tried again an hour later', async () => {
  const { world, last, events, names, supervisor } = await supervised();
  for (let death = 0; death < 3; death++) {
    await world.advance(61_000);
    await last().die('bad');
  }
  await world.advance(60_000);
  expect(names()).toEqual(['good']);
  expect(last().plans.at(-1)?.quarantined).toMatchObject([{ ref: { model: 'bad' } }]);
  expect(events).toContain('quarantined bad');
  expect(supervisor.status().quarantined).toMatchObject([{ model: 'bad' }]);
  await world.advance(60 * 60_000);
  expect(names()).toEqual(['good', 'bad']);
  expect(supervisor.status().quarantined).toEqual([]);
});

test('what a caller unloads is not said to be served, until it is loaded again or the process is another', async () => {
  const { world, last, events, supervisor } = await supervised();
  const serving = () => supervisor.status().serving.map(({ ref }) => ref.model);
  const unload = () => last().say({ type: 'unloaded', refs: [modelOf('bad').ref] });
  unload();
  await world.advance(10);
  expect([serving(), supervisor.status().unloaded]).toMatchObject([['good'], [{ model: 'bad' }]]);
  last().say({ type: 'unloaded', refs: [] });
  await world.advance(10);
  expect([serving(), supervisor.status().unloaded]).toEqual([['good', 'bad'], []]);
  expect(events).toEqual(['unloaded bad', 'unloaded ']);
  unload();
  await world.advance(61_000);
  await last().die();
  await world.advance(100);
  expect([serving(), supervisor.status().unloaded]).toEqual([['good', 'bad'], []]);
});

test('of two that ran together, both run one at a time from then on, until the next death names one', async () => {
  const { world, last, names } = await supervised();
  await world.advance(61_000);
  await last().die('good', 'bad');
  await world.advance(100);
  const careful = last()
    .plans.at(-1)
    ?.models.map(({ settings }) => settings?.resources);
  expect(careful).toEqual([{ suspicion: 1 }, { suspicion: 1 }]);
  for (let death = 0; death < 3; death++) {
    await world.advance(61_000);
    await last().die('bad');
  }
  await world.advance(60_000);
  expect(names()).toEqual(['good']);
  expect(last().plans.at(-1)?.models[0]?.settings).toBeUndefined();
});

test('a model that hangs takes the process with it, and is counted', async () => {
  const { world, last, processes, events } = await supervised();
  await world.advance(61_000);
  const first = last();
  first.say({ type: 'hung', ref: modelOf('bad').ref });
  await world.advance(2_000);
  expect(first.isAlive()).toBe(false);
  expect(processes.length).toBe(2);
  expect(events).toEqual(['the runtime hung while bad 1.0.0 ran']);
});

test('a warm spare holds the models, takes over when the process dies, and is replaced', async () => {
  const { world, processes, supervisor } = await supervised({ warmSpare: true });
  await world.advance(61_000);
  const [first, spare] = processes;
  expect(spare).toMatchObject({ listens: false, start: { standby: true } });
  expect(spare?.plans.at(-1)?.models.length).toBe(2);
  expect(supervisor.status().sparePid).not.toBeNull();
  await first?.die('bad');
  await world.advance(10);
  expect(spare?.listens).toBe(true);
  expect(supervisor.status()).toMatchObject({ state: 'ready', sparePid: null });
  expect(supervisor.status().serving.length).toBe(2);
  await world.advance(10_000);
  expect(processes.length).toBe(3);
  expect(supervisor.status().sparePid).not.toBeNull();
  const stopping = supervisor.stop();
  await world.advance(20_000);
  await stopping;
  expect(processes.filter((process) => process.isAlive())).toEqual([]);
});

test('a spare that dies harms nobody, and another is started later', async () => {
  const { world, processes, supervisor, events } = await supervised({ warmSpare: true });
  await world.advance(61_000);
  await processes[1]?.die('bad');
  expect(supervisor.status()).toMatchObject({ state: 'ready', sparePid: null, deaths: 0 });
  expect(events).toEqual([]);
  await world.advance(6 * 60_000);
  expect(processes.length).toBe(3);
  expect(supervisor.status().sparePid).not.toBeNull();
});

const routed = {
  resources: { accelerator: 2 },
  routes: [{ model: 'good', channels: { stable: '1.0.0', old: '0.9.0' } }],
};

test('routes and resources of the device go to the runtime, as far as the versions that are there', async () => {
  const { last, supervisor } = await supervised({ serving: routed });
  expect(last().start.resources).toEqual({ accelerator: 2 });
  expect(last().plans.at(-1)?.routes).toEqual([
    { model: 'good', version: '1.0.0', channels: { stable: '1.0.0' } },
  ]);
  expect(supervisor.status().serving.length).toBe(2);
});

test('routes that the runtime refuses are taken back: its release is served without them', async () => {
  const { world, last, supervisor } = await supervised(
    { serving: routed },
    ({ routes }) => routes !== undefined,
  );
  await world.advance(1_000);
  expect(last().plans.map(({ routes }) => routes?.length)).toEqual([1, undefined]);
  expect(supervisor.status().serving.length).toBe(2);
});

test('what a shadow shows is told, less often the more it has seen', async () => {
  const { world, last, events } = await supervised();
  for (let samples = 1; samples <= 100; samples++) {
    const seen = { model: 'good', version: '2.0.0', requests: samples, samples, agreements: samples - 1 };
    const figures = { failures: 0, dropped: 3, distance: 0.01234, latencyMs: 1, shadowLatencyMs: 2 };
    last().say({ type: 'shadow', plan: 1, evidence: [{ ...seen, ...figures }] });
    await world.advance(1);
  }
  expect(events.map((event) => event.split(' ').slice(5, 10).join(' '))).toEqual([
    '19 of 20 answers agree,',
    '39 of 40 answers agree,',
    '79 of 80 answers agree,',
  ]);
  expect(events[0]).toContain('median distance 0.0123, 2 ms against 1');
});
