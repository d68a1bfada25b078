import type { Signer } from '@covey/bundle/tuf';
import { createDomain, createTrust, type Domain, openStorage, type Storage } from '@covey/controller';
import type { Clock, FetchAnswer } from '@covey/ports';
import { SimulatedDisk, type SimulatedWorld } from '@covey/ports/simulated';
import { CoveyError } from '@covey/protocol';
import type { SimulatedNetwork } from './network.ts';
import { silentLog } from './silent-log.ts';

const diskBytes = 64 * 1024 * 1024;

/** The real controller without its sockets. Its storage outlives its crashes. */
export class SimulatedController {
  readonly storage: Storage;
  readonly #world: SimulatedWorld;
  readonly #network: SimulatedNetwork;
  readonly #onlineKey: Signer;
  #lives = 0;
  #running: { domain: Domain; life: { isOver: boolean } } | undefined;

  static async open(
    world: SimulatedWorld,
    network: SimulatedNetwork,
    onlineKey: Signer,
  ): Promise<SimulatedController> {
    const disk = new SimulatedDisk(world.random('controller/disk'), diskBytes).port(async (operation) =>
      operation(),
    );
    const storage = await openStorage({ file: ':memory:', blobFolder: '/blobs', disk });
    return new SimulatedController(world, network, onlineKey, storage);
  }

  private constructor(world: SimulatedWorld, network: SimulatedNetwork, onlineKey: Signer, storage: Storage) {
    this.#world = world;
    this.#network = network;
    this.#onlineKey = onlineKey;
    this.storage = storage;
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  /** Errors: UNREACHABLE while it is down. */
  get domain(): Domain {
    if (!this.#running) throw new CoveyError('UNREACHABLE', 'the controller is down');
    return this.#running.domain;
  }

  async start(): Promise<void> {
    const life = { isOver: false };
    const bus = this.#network.bus();
    const random = this.#world.random(`controller/${this.#lives++}`);
    const clock = mortal(this.#world.clock, life);
    const ports = { clock, random, log: silentLog };
    const trust = createTrust({ storage: this.storage, clock, signer: this.#onlineKey });
    const domain = createDomain({ ports, storage: this.storage, bus, trust });
    await domain.start();
    await bus.start();
    this.#running = { domain, life };
  }

  /** Ends the process without a word to it. */
  crash(): void {
    if (this.#running) this.#running.life.isOver = true;
    this.#running = undefined;
    this.#network.crashController();
  }

  /** The device HTTP listener. */
  async answer({ pathname }: URL): Promise<FetchAnswer> {
    const [, what, name = ''] = pathname.split('/');
    if (what === 'identity') return this.#standing();
    const { registry, trust } = this.domain;
    const contents = {
      trust: () => trust.file(name),
      bundles: () => registry.manifestBytes(name),
      chunks: () => registry.chunk(name),
    };
    const body = await contents[what as keyof typeof contents]?.();
    return body ? { status: 200, headers: {}, body } : { status: 404, headers: {}, body: new Uint8Array() };
  }

  /** What it says of any device's identity: nothing is wrong with it. */
  #standing(): FetchAnswer {
    const now = this.#world.clock.now();
    const standing = { deviceId: 'any', renewalDue: false, caPem: 'ca', online: true, now };
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(standing)) };
  }

  async close(): Promise<void> {
    const { domain } = this;
    // First the bus: what is on its way to a device would wait for time to pass.
    this.crash();
    await domain.stop();
    await this.storage.close();
  }
}

/** A clock whose timers end with the process that set them. */
function mortal(clock: Clock, life: { isOver: boolean }): Clock {
  return {
    ...clock,
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, () => !life.isOver && callback()),
  };
}
