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
  /** Unpacks an archive into an empty folder; on the medium when it resolves. Errors: BUNDLE_CORRUPT, DISK_FULL. */
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
  /** Lays the bundle out in the slot that is not needed, and has it test itself. Errors: those of `unpack` and `test`. */
  prepare(bundle: string, archive: string, signal: AbortSignal): Promise<void>;
  /** Lays the bundle out, unless it lies in a slot already. Errors: those of `unpack`. */
  layOut(bundle: string, archive: string): Promise<void>;
  /**
   * Starts the agent anew from this bundle: on trial, or for good. Errors: SOFTWARE_FAILED where its trial is over, or the
   * launcher was told already and started something else; NOT_FOUND where it lies in no slot.
   */
  start(bundle: string | null, options: { isTrial: boolean }): Promise<void>;
  /** What runs is what always starts from now on. */
  confirm(): Promise<void>;
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
  }

  async prepare(bundle: string, archive: string, signal: AbortSignal): Promise<void> {
    // What is left of a trial before: it is over, and this is another one.
    if (!this.isConfirmed) await this.confirm();
    await this.layOut(bundle, archive);
    await this.#tools.test(`${this.#folder}/${await this.#slotOf(bundle)}`, signal);
  }

  async layOut(bundle: string, archive: string): Promise<void> {
    if ((await this.#slotOf(bundle)) !== null) return;
    const folder = `${this.#folder}/${await this.#makeRoom()}`;
    await this.#tools.unpack(archive, folder);
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
    if (!isTrial) await this.#write({ slot, trial: null });
    else if (trial?.slot !== slot)
      await this.#write({ slot: this.#tools.slot, trial: { slot, startsLeft: trialStarts } });
    this.#tools.restart();
  }

  confirm(): Promise<void> {
    return this.#write({ slot: this.#tools.slot, trial: null });
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
    if (slot === 'installed') return null;
    const bytes = await this.#disk.read(`${this.#folder}/${slot}/bundle`);
    return bytes?.byteLength ? Buffer.from(bytes).toString() : null;
  }

  async #write(record: BootRecord): Promise<void> {
    await this.#disk.write(`${this.#folder}/boot`, encodeBootRecord(record));
    this.#record = record;
  }
}
