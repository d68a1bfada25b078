import type { ClientTls, Disk } from '@covey/ports';
import type { Tags } from '@covey/protocol';
import { type DeadMan, steady } from '../deadman/index.ts';
import type { DeviceFolder } from '../folder/index.ts';
import { createTurns, openSlots, type Slots } from '../slots/index.ts';
import { type LostIdentity, lostIdentity } from './lost.ts';
import { openRoot, type PinnedRoot, writeRoot } from './root.ts';

/** Who this device is and whom it trusts. It is live: reading it gives what holds now, also after a renewal. */
export interface Identity {
  readonly deviceId: string;
  readonly mqttUrl: string;
  /** Where bundles and chunks are fetched. */
  readonly deviceUrl: string;
  readonly tags: Tags;
  readonly keyPem: string;
  readonly certificatePem: string;
  /** Every authority whose servers are the controller. */
  readonly caPem: string;
  /** Root metadata from which the device began to trust, as it was received; undefined when the disk has lost it. */
  readonly pinnedRoot: Uint8Array | undefined;
}

/** The part that renewals change, and what is kept with it so that one write changes everything at once. */
export interface IdentityDocument extends Omit<Identity, 'pinnedRoot'> {
  /** The key of a certificate that was asked for and is not here yet. */
  readonly nextKeyPem?: string | undefined;
  /** An authority that a change of the way added; the controller's own answers leave it. */
  readonly addedCaPem?: string | undefined;
  /** The last change of the way to the controller. */
  readonly link?: LinkChange | undefined;
}

/** How the controller is reached. */
export type LinkWays = Pick<IdentityDocument, 'mqttUrl' | 'deviceUrl' | 'addedCaPem'>;

/** A change of the way to the controller; see `link/trial.ts`. */
export interface LinkChange {
  readonly deadMan: DeadMan;
  /** What is put back. */
  readonly before: LinkWays | null;
  readonly withinMs: number;
  /** Why it was taken back. */
  readonly reason: string | null;
}

const noChange: LinkChange = { deadMan: steady, before: null, withinMs: 0, reason: null };

/** An enrolled device's identity on disk, mode 0600. */
export interface IdentityStore {
  readonly identity: Identity;
  readonly nextKeyPem: string | undefined;
  readonly link: LinkChange;
  readonly ways: LinkWays;
  /** Authorities as the controller gave them, without the added one. */
  readonly givenCaPem: string;
  /** Files that were damaged; the other one held. */
  readonly damaged: readonly string[];
  readonly root: PinnedRoot;
  /** Changes the identity in one write: before it is durable the old one holds, afterwards the new one. */
  save(change: Partial<IdentityDocument>): Promise<void>;
  /** Writes the present identity over the file of the one before, whose key is gone then. Does nothing when that is done. */
  settle(): Promise<void>;
}

/** What a connection to the controller is made with, as it is now. */
export function tlsOf({ caPem, certificatePem, keyPem }: Identity): Required<ClientTls> {
  return { ca: caPem, certificate: certificatePem, key: keyPem };
}

const format = 'covey-identity/1';

/** `pinnedRoot` as it was received, because its digest is what was promised. */
export async function createIdentity(
  disk: Disk,
  folder: DeviceFolder,
  document: IdentityDocument,
  pinnedRoot: Uint8Array,
): Promise<void> {
  await disk.makeFolder(folder.identity);
  await writeRoot(disk, folder.identity, pinnedRoot);
  const slots = await openSlots<IdentityDocument>(disk, `${folder.identity}/identity`, format);
  await slots.save(document);
}

/** The identity, or undefined when the device was never enrolled. Errors: DATA_CORRUPT when it is damaged, DATA_NEWER. */
export async function openIdentity(disk: Disk, folder: DeviceFolder): Promise<IdentityStore | undefined> {
  const found = await openIdentityOrLost(disk, folder);
  if (found && 'lost' in found) throw found.lost;
  return found;
}

/** The identity, or what is left when it is damaged; undefined when the device was never enrolled. Errors: DATA_NEWER, DATA_FOREIGN. */
export async function openIdentityOrLost(
  disk: Disk,
  folder: DeviceFolder,
): Promise<IdentityStore | LostIdentity | undefined> {
  const slots = await openSlots<IdentityDocument>(disk, `${folder.identity}/identity`, format);
  if (!slots.document && slots.damaged.length === 0) return undefined;
  const root = await openRoot(disk, folder.identity);
  return slots.document ? storeOf(slots, slots.document, root) : lostIdentity(slots.damaged, root);
}

function storeOf(slots: Slots<IdentityDocument>, opened: IdentityDocument, root: PinnedRoot): IdentityStore {
  const present = () => slots.document ?? opened;
  // Renewals, changes of the way and settling come at any time: one that began with an older document must not bring it back.
  const inTurn = createTurns();
  const identity: Identity = {
    get deviceId() {
      return present().deviceId;
    },
    get mqttUrl() {
      return present().mqttUrl;
    },
    get deviceUrl() {
      return present().deviceUrl;
    },
    get tags() {
      return present().tags;
    },
    get keyPem() {
      return present().keyPem;
    },
    get certificatePem() {
      return present().certificatePem;
    },
    get caPem() {
      const { caPem, addedCaPem } = present();
      return addedCaPem ? `${caPem}\n${addedCaPem}` : caPem;
    },
    pinnedRoot: root.bytes,
  };
  return {
    identity,
    get nextKeyPem() {
      return present().nextKeyPem;
    },
    get link() {
      return present().link ?? noChange;
    },
    get ways() {
      const { mqttUrl, deviceUrl, addedCaPem } = present();
      return { mqttUrl, deviceUrl, addedCaPem };
    },
    get givenCaPem() {
      return present().caPem;
    },
    damaged: slots.damaged,
    root,
    save: (change) => inTurn(() => slots.save({ ...present(), ...change })),
    settle: () => inTurn(() => slots.settle()),
  };
}
