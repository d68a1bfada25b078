import type { Bundle } from '@covey/bundle';
import {
  createKeyPair,
  firstUpload,
  listVersion,
  type Publication,
  pemSigner,
  publishUpload,
  type Repository,
  renewOnline,
  type Signer,
  type Upload,
} from '@covey/bundle/tuf';
import type { Clock } from '@covey/ports';

export const newSigner = () => pemSigner(createKeyPair('ed25519').privateKeyPem);

/** Keys of everybody in a test: they are made once. */
export const rootSigner = newSigner();
export const publisher = newSigner();
export const online = newSigner();

/** What publishers have signed, as a controller serves it: files by the name that devices ask for. */
export class TestRepository {
  readonly files = new Map<string, Uint8Array>();
  readonly #clock: Clock;
  #current: Repository | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get current(): Repository {
    if (!this.#current) throw new Error('nothing was published');
    return this.#current;
  }

  /** The root that devices are enrolled with. */
  async firstRoot(): Promise<Uint8Array> {
    if (!this.#current) await this.#begin();
    return this.current.root.bytes;
  }

  async publish(upload: Partial<Upload>, signer = online): Promise<void> {
    const whole = { roots: [], targets: {}, ...upload };
    this.#take(await publishUpload(this.#current, whole, signer, this.#clock.now()));
  }

  /** Lists a version, with a security counter that its manifest need not have. */
  async list({ manifest, manifestBytes }: Bundle, signers: readonly Signer[] = [publisher]): Promise<void> {
    if (!this.#current) await this.#begin();
    const { root, targets } = this.current;
    const top = targets.get('targets');
    if (!top) throw new Error('there are no targets');
    const { model, version, securityCounter } = manifest;
    const inForce = {
      root: root.signed,
      targets: top.signed,
      roleTargets: async (role: string) => targets.get(role)?.signed,
    };
    const target = { model, version, manifestBytes, securityCounter };
    await this.publish({ targets: await listVersion(inForce, target, signers, this.#clock.now()) });
  }

  /** What the controller does by itself as time passes. */
  async renew(): Promise<void> {
    this.#take(await renewOnline(this.current, online, this.#clock.now()));
  }

  async #begin(): Promise<void> {
    const one = (signer: Signer) => ({ signers: [signer], threshold: 1 });
    const offline = { root: one(rootSigner), targets: one(publisher) };
    await this.publish(await firstUpload(offline, online.key, this.#clock.now()));
  }

  #take({ repository, files }: Publication): void {
    this.#current = repository;
    for (const { role, version, bytes } of files)
      this.files.set(role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`, bytes);
  }
}
