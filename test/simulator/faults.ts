import type { Random } from '@covey/ports';
import type { SimulatedWorld } from '@covey/ports/simulated';
import type { SimulatedController } from './controller.ts';
import type { SimulatedDevice } from './device.ts';
import { calm, type SimulatedNetwork } from './network.ts';

/** A candidate whose device starts more often than three times is taken back, and rightly so; here it must win. */
const mostRestarts = 3;
const offMs = 60_000;
const cutOffMs = 120_000;
const controllerOffMs = 30_000;
const spoiltMs = 60_000;
const unreadableMs = 20_000;
const storm = { delayMs: 2_000, breakShare: 0.01, lossShare: 0.05, duplicateShare: 0.05 };

interface Parts {
  world: SimulatedWorld;
  network: SimulatedNetwork;
  controller: SimulatedController;
  devices: readonly SimulatedDevice[];
}

/** Makes things go wrong, by the seed; `heal` ends all of it. */
export class Faults {
  readonly #parts: Parts;
  readonly #perSecond: number;
  readonly #restartsPerDevice: number;
  readonly #random: Random;
  readonly #restarts = new Map<string, number>();

  /** `perSecond`: the chance of a fault in a second. */
  constructor(parts: Parts, perSecond: number, restartsPerDevice = mostRestarts) {
    this.#restartsPerDevice = restartsPerDevice;
    this.#parts = parts;
    this.#perSecond = perSecond;
    this.#random = parts.world.random('faults');
  }

  /** To be called once a virtual second. */
  async strike(): Promise<void> {
    if (this.#random.fraction() >= this.#perSecond) return;
    const device = this.#pick(this.#parts.devices);
    await this.#pick([
      () => this.#restart(device),
      () => this.#crashRuntime(device),
      () => this.#cutOff(device),
      () => this.#crashController(),
      () => this.#changeWeather(),
      () => this.#jumpClock(device),
      () => this.#spoil(device),
      () => this.#failReads(device),
    ])();
  }

  /** A new candidate starts with a clean record. */
  forgetRestarts(): void {
    this.#restarts.clear();
  }

  async heal(): Promise<void> {
    const { network, controller, devices } = this.#parts;
    network.weather = calm;
    if (!controller.isUp) await controller.start();
    for (const device of devices) {
      device.machine.disk.fault = () => 'none';
      device.machine.disk.isUnreadable = () => false;
      device.setClockRight();
      network.spoil(device.id, 'none');
      network.reach(device.id);
      if (!device.isOn) device.boot();
    }
  }

  #restart(device: SimulatedDevice): void {
    const before = this.#restarts.get(device.id) ?? 0;
    if (!device.isOn || before >= this.#restartsPerDevice) return;
    this.#restarts.set(device.id, before + 1);
    const bootLater = () => this.#later(offMs, () => !device.isOn && device.boot());
    const writes = (['cut-before', 'cut-during', 'cut-after'] as const).map(
      (how) => () => device.cutPowerAtNextWrite(how, bootLater),
    );
    const now = [() => device.kill(), () => device.cutPower()].map((end) => () => {
      end();
      bootLater();
    });
    this.#pick([...now, ...writes])();
  }

  /** Not while a candidate is judged: its deaths count against it. */
  #crashRuntime(device: SimulatedDevice): void {
    const state = device.status()?.reported.state;
    if (state === 'activating' || state === 'soaking') return;
    device.disturbedAtMs = this.#parts.world.clock.monotonicMs();
    device.runtime?.crash();
  }

  #cutOff({ id }: SimulatedDevice): void {
    this.#parts.network.cutOff(id);
    this.#later(cutOffMs, () => this.#parts.network.reach(id));
  }

  #crashController(): void {
    const { controller } = this.#parts;
    if (!controller.isUp) return;
    controller.crash();
    this.#later(controllerOffMs, () => !controller.isUp && void controller.start());
  }

  /** The wall clock, by years or by minutes; the controller's idea of time stays. */
  #jumpClock(device: SimulatedDevice): void {
    const farMs = this.#pick([60_000, 86_400_000, 10 * 365 * 86_400_000]);
    device.jumpClock(Math.round((2 * this.#random.fraction() - 1) * farMs));
  }

  /** What the device fetches is damaged, made up or not there. */
  #spoil({ id }: SimulatedDevice): void {
    const { network } = this.#parts;
    network.spoil(id, this.#pick(['damaged', 'made up', 'absent'] as const));
    this.#later(spoiltMs, () => network.spoil(id, 'none'));
  }

  /** Bundles cannot be read, as from bad sectors. */
  #failReads({ machine }: SimulatedDevice): void {
    machine.disk.isUnreadable = (path) => path.includes('/bundles/');
    this.#later(unreadableMs, () => {
      machine.disk.isUnreadable = () => false;
    });
  }

  #changeWeather(): void {
    this.#parts.network.weather = this.#random.fraction() < 0.5 ? calm : storm;
  }

  #later(withinMs: number, act: () => void): void {
    this.#parts.world.clock.setTimer(this.#random.fraction() * withinMs, act);
  }

  #pick<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.#random.fraction() * choices.length)];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  }
}
