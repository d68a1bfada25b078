import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import {
  type BootRecord,
  encodeBootRecord,
  parseBootRecord,
  type SlotName,
  slotNames,
  trialStarts,
} from './boot-record.ts';

/** What the agent needs from whoever started it to change its own software. */
export interface SoftwareTools {
  /** What this process was started from. */
  slot: SlotName;
  /** Of this machine, `linux-x64`. */
  platform: string;
  /**
   * Unpacks an archive into an empty folder, with its file `digests` as sha256sum reads it; on the medium when it resolves. Errors:
   * BUNDLE_CORRUPT, DISK_FULL.
   */
  unpack(archive: string, folder: string): Promise<void>;
  /** Runs the self test of the software in `folder`. Errors: SOFTWARE_FAILED with what it said, CANCELLED. */
  test(folder: string, signal: AbortSignal): Promise<void>;
  /** Ends this process in peace; the launcher starts it anew. */
  restart(): void;
}

/** The agent's own software in its slots. `running` is the digest of its bundle, null for what the device was installed with. */
export interface Software {
  readonly running: string | null;
  /** What runs is what always starts, and no trial is open. */
  readonly isConfirmed: boolean;
  readonly platform: string;
  /** Bundles that the launcher found damaged in their slots; another one was started in their place. */
  readonly damaged: readonly string[];
  /** Lays the bundle out in the slot that is not needed, and has it test itself. Errors: those of `archive`, `unpack` and `test`. */
  prepare(bundle: string, archive: ArchivePath, signal: AbortSignal): Promise<void>;
  /**
   * Lays the bundle out, unless it lies in a slot already. Errors: those of `archive` and `unpack`; SOFTWARE_FAILED where it was
   * damaged, laid out anew, and damaged again before it had lasted: the medium is bad, and the agent would be restarted for ever.
   */
  layOut(bundle: string, archive: ArchivePath): Promise<void>;
  /**
   * Starts the agent anew from this bundle: on trial, or for good. Errors: SOFTWARE_FAILED where its trial is over, or the
   * launcher was told already and started something else; NOT_FOUND where it lies in no slot.
   */
  start(bundle: string | null, options: { isTrial: boolean }): Promise<void>;
  /** What runs is what always starts from now on. */
  confirm(): Promise<void>;
  /** This start has lasted, or was ended in peace: the next one needs no look at the digests. */
  lasted(): Promise<void>;
}

/** Where the archive of a bundle lies; asked only when it is to be unpacked. */
export type ArchivePath = () => Promise<string>;

/** What the launcher has done about damage, for people. */
export function softwareDamaged(bundle: string, running: string | null): string {
  const instead = running === null ? 'the software that the device was installed with' : running.slice(0, 12);
  return `the agent's software ${bundle.slice(0, 12)} is damaged on the disk; ${instead} runs in its place`;
}

const partSlots = slotNames.filter((slot) => slot !== 'installed');

/** Opens `folder`: `boot`, `a/`, `b/`; a slot is whole when its file `bundle` names what it holds. */
export async function openSoftware(disk: Disk, folder: string, tools: SoftwareTools): Promise<Software> {
  await disk.makeFolder(folder);
  const slots = new SlotFolder(disk, folder, tools);
  await slots.open();
  return slots;
}

class SlotFolder implements Software {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #tools: SoftwareTools;
  #record: BootRecord = parseBootRecord(undefined);
  running: string | null = null;
  damaged: string[] = [];

  constructor(disk: Disk, folder: string, tools: SoftwareTools) {
    this.#disk = disk;
    this.#folder = folder;
    this.#tools = tools;
  }

  get platform(): string {
    return this.#tools.platform;
  }

  get isConfirmed(): boolean {
    return this.#record.slot === this.#tools.slot && this.#record.trial === null;
  }

  async open(): Promise<void> {
    this.#record = parseBootRecord(await this.#disk.read(`${this.#folder}/boot`));
    this.running = await this.#bundleIn(this.#tools.slot);
    for (const slot of partSlots) {
      const damaged = await this.#wordIn(`${slot}/damaged`);
      if (damaged) this.damaged.push(damaged);
    }
  }

  async prepare(bundle: string, archive: ArchivePath, signal: AbortSignal): Promise<void> {
    // What is left of a trial before: it is over, and this is another one.
    if (!this.isConfirmed) await this.confirm();
    await this.layOut(bundle, archive);
    await this.#tools.test(`${this.#folder}/${await this.#slotOf(bundle)}`, signal);
  }

  async layOut(bundle: string, archive: ArchivePath): Promise<void> {
    if ((await this.#slotOf(bundle)) !== null) return;
    const isDamaged = this.damaged.includes(bundle);
    if (isDamaged && (await this.#wordIn('repaired')) === bundle)
      throw new CoveyError('SOFTWARE_FAILED', 'it was laid out anew and is damaged on the disk again');
    const path = await archive();
    const folder = `${this.#folder}/${await this.#makeRoom()}`;
    if (isDamaged) await this.#disk.write(`${this.#folder}/repaired`, Buffer.from(bundle));
    await this.#tools.unpack(path, folder);
    await this.#disk.write(`${folder}/bundle`, Buffer.from(bundle));
  }

  async start(bundle: string | null, { isTrial }: { isTrial: boolean }): Promise<void> {
    const slot = bundle === null ? 'installed' : await this.#slotOf(bundle);
    if (slot === null) throw new CoveyError('NOT_FOUND', `software ${bundle} lies in no slot`);
    const { trial } = this.#record;
    if (isTrial && trial?.slot === slot && trial.startsLeft === 0)
      throw new CoveyError('SOFTWARE_FAILED', `it was started ${trialStarts} times and did not stay up`);
    if (!isTrial && this.#record.slot === slot && trial === null)
      throw new CoveyError('SOFTWARE_FAILED', 'the launcher was told to start it and started something else');
    if (!isTrial) await this.#settle(slot);
    else if (trial?.slot !== slot)
      await this.#write({ slot: this.#tools.slot, trial: { slot, startsLeft: trialStarts } });
    this.#tools.restart();
  }

  confirm(): Promise<void> {
    return this.#settle(this.#tools.slot);
  }

  async lasted(): Promise<void> {
    await this.#disk.remove(`${this.#folder}/starting`);
    if (this.running !== null && (await this.#wordIn('repaired')) === this.running)
      await this.#disk.remove(`${this.#folder}/repaired`);
  }

  /** From now on this slot starts, and may stand in for the other one. */
  async #settle(slot: SlotName): Promise<void> {
    const bundle = await this.#bundleIn(slot);
    if (bundle !== null) await this.#disk.write(`${this.#folder}/${slot}/good`, Buffer.from(bundle));
    await this.#write({ slot, trial: null });
  }

  /** Empties the slot that does not run; it is not started from before it is whole again. */
  async #makeRoom(): Promise<SlotName> {
    const slot = partSlots.find((name) => name !== this.#tools.slot) ?? 'b';
    if (this.#record.slot === slot) await this.confirm();
    // A name that is removed may come back at a power cut; emptied, it says that the slot is not whole.
    if (await this.#bundleIn(slot))
      await this.#disk.write(`${this.#folder}/${slot}/bundle`, new Uint8Array());
    await this.#disk.remove(`${this.#folder}/${slot}`);
    await this.#disk.makeFolder(`${this.#folder}/${slot}`);
    return slot;
  }

  async #slotOf(bundle: string): Promise<SlotName | null> {
    for (const slot of partSlots) if ((await this.#bundleIn(slot)) === bundle) return slot;
    return null;
  }

  async #bundleIn(slot: SlotName): Promise<string | null> {
    return slot === 'installed' ? null : this.#wordIn(`${slot}/bundle`);
  }

  async #wordIn(file: string): Promise<string | null> {
    const bytes = await this.#disk.read(`${this.#folder}/${file}`);
    return bytes?.byteLength ? Buffer.from(bytes).toString() : null;
  }

  async #write(record: BootRecord): Promise<void> {
    await this.#disk.write(`${this.#folder}/boot`, encodeBootRecord(record));
    this.#record = record;
  }
}
