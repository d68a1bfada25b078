import { createHash } from 'node:crypto';
import { type Agent, type AgentStatus, createAgent, type SlotName, type SoftwareTools } from '@covey/agent';
import type { Disk, Fetch, Link, Ports } from '@covey/ports';
import {
  type SimulatedMachine,
  type SimulatedWorld,
  simulatedMachine,
  simulatedProcesses,
} from '@covey/ports/simulated';
import { CoveyError, type ServingPlan, type UpdateState } from '@covey/protocol';
import { type Launched, launch, softwareTools } from './launcher.ts';
import { silentLog } from './silent-log.ts';
import { type AgreementOf, probeProgram, type RuntimeLife, runtimeProgram } from './stand-ins.ts';

const folder = '/data/covey';
const softwareFolder = `${folder}/software`;
/** Until what has ended is started anew. */
const restartMs = 1_000;
const diskBytes = 64 * 1024 * 1024;

export interface DeviceOptions {
  id: string;
  world: SimulatedWorld;
  link: Link;
  fetch: Fetch;
  agreementOf: AgreementOf;
  noted: (line: string) => void;
  /** The runtime has changed over to these bundles. */
  served: (bundles: string[]) => void;
  /** The agent could not start. */
  failed: (error: unknown) => void;
  /** A launcher starts the agent, which can then change its own software. */
  hasLauncher?: boolean;
  /** The state of the update is on the medium, and nothing that depends on it has begun. */
  persisted?: (device: SimulatedDevice, state: UpdateState, isReplaying: boolean) => void;
}

/** A computer with the real agent on it. */
export class SimulatedDevice {
  readonly id: string;
  /** Live requests that reach each model, in a second. */
  requestsPerSecond = 10;
  readonly machine: SimulatedMachine;
  /** The newest runtime process, dead or alive. */
  runtime: RuntimeLife | undefined;
  /** When agent or runtime last began anew: until they had time, nothing can be expected of them. */
  disturbedAtMs = 0;
  readonly #options: DeviceOptions;
  /** Starts that nobody outside has made: a loop shows here. */
  restarts = 0;
  /** From where the agent was started last. */
  slot: SlotName = 'installed';
  #isOn = false;
  #agent: Agent | undefined;
  #clockOffMs = 0;

  constructor(options: DeviceOptions) {
    const { id, world, link, fetch, agreementOf } = options;
    this.id = id;
    this.#options = options;
    const onStart = (runtime: RuntimeLife) => {
      this.runtime = runtime;
      this.disturbedAtMs = world.clock.monotonicMs();
    };
    const onPlan = ({ models }: ServingPlan) => options.served(models.map(({ ref }) => ref.bundle));
    const programs = {
      'sim:runtime': runtimeProgram(agreementOf, () => this.requestsPerSecond, { onStart, onPlan }),
      'sim:probe': probeProgram(agreementOf),
    };
    const processes = simulatedProcesses(world, programs);
    this.machine = simulatedMachine(world, { name: id, diskBytes, link, fetch, processes, log: silentLog });
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  status(): AgentStatus | undefined {
    return this.#agent?.status();
  }

  /** Writes what an enrolment leaves behind. */
  async enrol(pinnedRoot: Uint8Array): Promise<void> {
    const { disk } = this.machine.boot();
    const write = (name: string, text: string | Uint8Array) =>
      disk.write(`${folder}/${name}`, Buffer.from(text));
    for (const part of ['identity', 'state', 'outbox', 'bundles', 'trust'])
      await disk.makeFolder(`${folder}/${part}`);
    const urls = { mqttUrl: 'mqtts://controller:8883', deviceUrl: 'https://controller:8443' };
    const document = {
      deviceId: this.id,
      ...urls,
      tags: {},
      keyPem: 'key',
      certificatePem: 'c',
      caPem: 'ca',
    };
    const writeSlot = async (name: string, stored: object) => {
      const json = JSON.stringify(stored);
      await write(`identity/${name}`, `${createHash('sha256').update(json).digest('hex')}\n${json}`);
    };
    await writeSlot('identity-b', { format: 'covey-identity/1', generation: 1, document });
    const root = { base64: Buffer.from(pinnedRoot).toString('base64') };
    await writeSlot('root-b', { format: 'covey-root/1', generation: 1, document: root });
    await writeSlot('root-a', { format: 'covey-root/1', generation: 2, document: root });
    await write('covey.json', JSON.stringify({ format: 'covey-data/1', kind: 'device' }));
    this.machine.killProcess();
  }

  boot(): void {
    this.#note('boots');
    this.disturbedAtMs = this.#options.world.clock.monotonicMs();
    this.machine.disk.fault = () => 'none';
    const ports = this.machine.boot();
    this.#isOn = true;
    this.#agent = undefined;
    if (!this.#options.hasLauncher) {
      this.#start(ports);
      return;
    }
    launch(ports.disk, softwareFolder).then(
      (launched) => this.#startSoftware(ports, launched),
      (error) => this.#options.failed(error),
    );
  }

  #startSoftware(ports: Ports, { slot, conduct }: Launched): void {
    this.#note(`starts software from ${slot}, which ${conduct}`);
    this.slot = slot;
    const again = () => {
      this.restarts++;
      this.boot();
    };
    if (conduct === 'does not start') {
      ports.clock.setTimer(restartMs, again);
      return;
    }
    let isEnding = false;
    const restart = () => {
      if (isEnding) return;
      isEnding = true;
      // Not from within the step that asks for it, which the stop waits for.
      ports.clock.setTimer(restartMs, () => void this.#agent?.stop().then(again));
    };
    const nobody = async () => Promise.reject(new CoveyError('UNREACHABLE', 'this software reaches nobody'));
    const deaf = conduct === 'reaches nobody' ? { link: { connect: nobody }, fetch: nobody } : {};
    this.#start({ ...ports, ...deaf }, softwareTools(ports.disk, slot, restart));
  }

  #start(ports: Ports, software?: SoftwareTools): void {
    const agent = createAgent(
      { ...ports, disk: this.#watched(ports.disk) },
      {
        ...(software && { software }),
        folder,
        agentVersion: '0.1.0',
        runtimeModule: 'sim:runtime',
        probeModule: 'sim:probe',
        inference: { host: '127.0.0.1', port: 8000 },
        warmSpare: false,
        intervals: { metricsMs: 15_000, summaryMs: 60_000, telemetryFlushMs: 10_000 },
      },
    );
    this.#agent = agent;
    // Never settles when the power goes while it starts.
    agent.start().catch((error) => this.#options.failed(error));
  }

  kill(): void {
    this.#note('is killed');
    this.machine.killProcess();
    this.#isOn = false;
    this.#agent = undefined;
  }

  cutPower(): void {
    this.#note('loses power');
    this.machine.cutPower();
    this.#isOn = false;
    this.#agent = undefined;
  }

  /** Flips bits of the software that runs; false where that is what the device was installed with. */
  rotSoftware(): boolean {
    if (this.slot === 'installed') return false;
    this.#note('has its software damaged');
    this.machine.disk.damage(`${softwareFolder}/${this.slot}/program`, 0);
    return true;
  }

  jumpClock(ms: number): void {
    this.#note(`has its clock moved by ${ms} ms`);
    this.#clockOffMs += ms;
    this.machine.jumpClock(ms);
  }

  setClockRight(): void {
    this.machine.jumpClock(-this.#clockOffMs);
    this.#clockOffMs = 0;
  }

  /** Cuts the power around the next change of the disk. */
  cutPowerAtNextWrite(how: 'cut-before' | 'cut-during' | 'cut-after', onCut: () => void): void {
    this.machine.disk.fault = () => {
      this.#note(`loses power (${how})`);
      this.machine.disk.fault = () => 'none';
      this.#isOn = false;
      this.#agent = undefined;
      onCut();
      return how;
    };
  }

  /** A disk that tells when the ledger was written. */
  #watched(disk: Disk): Disk {
    const { persisted } = this.#options;
    if (!persisted) return disk;
    return {
      ...disk,
      write: async (path, bytes) => {
        await disk.write(path, bytes);
        if (!path.includes('/state/ledger-')) return;
        const { document } = JSON.parse(Buffer.from(bytes).toString().split('\n')[1] ?? '');
        persisted(this, document.update.state, document.update.isReplaying);
      },
    };
  }

  #note(what: string): void {
    this.#options.noted(`${this.id} ${what}`);
  }
}
