import { createHash } from 'node:crypto';
import type { DelegatedRole, Root, Snapshot, Targets, Timestamp, TopLevelRole } from './documents.ts';
import { createKeyPair, keyIdOf, pemSigner, type Signer } from './keys.ts';
import { encodeDocument, rootOf, signDocument } from './publish.ts';

const dayMs = 86_400_000;
/** When simulated repositories begin. */
export const startMs = Date.parse('2026-01-01T00:00:00Z');

export const newSigner = (type: 'ed25519' | 'ecdsa-p256' = 'ed25519') =>
  pemSigner(createKeyPair(type).privateKeyPem);
export const timeText = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * A repository that can do everything wrong: what it serves is signed, at the moment it is asked for, by whoever `signers` says. Made
 * after the simulator of the public conformance suite, so that its tests can be written down as they are there.
 */
export class SimulatedRepository {
  root: Root;
  timestamp: Timestamp;
  snapshot: Snapshot;
  /** `targets` and delegated roles. */
  readonly targets = new Map<string, Targets>();
  readonly signers = new Map<string, Signer[]>();
  /** Roots as they were published, the first first. */
  readonly roots: Uint8Array[] = [];
  /** Length and hashes of what is listed are listed too. */
  listsHashes = false;
  /** What was asked for. */
  readonly requests: string[] = [];
  /** In place of what would be served. */
  readonly overrides = new Map<string, Uint8Array>();

  private constructor(root: Root) {
    const header = { spec_version: '1.0.31', version: 1, expires: timeText(startMs + 30 * dayMs) };
    this.root = root;
    this.timestamp = { _type: 'timestamp', ...header, meta: { 'snapshot.json': { version: 1 } } };
    this.snapshot = { _type: 'snapshot', ...header, meta: { 'targets.json': { version: 1 } } };
    this.targets.set('targets', { _type: 'targets', ...header, targets: {} });
  }

  static async create(): Promise<SimulatedRepository> {
    const names: TopLevelRole[] = ['root', 'targets', 'snapshot', 'timestamp'];
    const signers = new Map<string, Signer[]>(names.map((name) => [name, [newSigner()]]));
    const held = (name: TopLevelRole) => ({
      keys: (signers.get(name) ?? []).map(({ key }) => key),
      threshold: 1,
    });
    const holders = {
      root: held('root'),
      targets: held('targets'),
      snapshot: held('snapshot'),
      timestamp: held('timestamp'),
    };
    const repository = new SimulatedRepository(structuredClone(rootOf(holders, startMs)));
    for (const [name, of] of signers) repository.signers.set(name, of);
    await repository.publishRoot();
    return repository;
  }

  get top(): Targets {
    return this.role('targets');
  }

  role(name: string): Targets {
    const targets = this.targets.get(name);
    if (!targets) throw new Error(`there is no role ${name}`);
    return targets;
  }

  async publishRoot(): Promise<void> {
    this.roots.push(await this.#signed('root', this.root));
  }

  async bumpRoot(): Promise<void> {
    this.root = { ...structuredClone(this.root), version: this.root.version + 1 };
    await this.publishRoot();
  }

  /** One more key for a role of the root, which signs from now on; the root is not published by it. */
  addKey(role: TopLevelRole, signer = newSigner()): Signer {
    const keyid = keyIdOf(signer.key);
    this.root.keys[keyid] = structuredClone(signer.key);
    this.root.roles[role].keyids.push(keyid);
    this.signers.set(role, [...(this.signers.get(role) ?? []), signer]);
    return signer;
  }

  /** Other keys in place of all; the root is not published by it. */
  rotateKeys(role: TopLevelRole): void {
    const count = this.root.roles[role].keyids.length;
    this.root.roles[role].keyids = [];
    this.signers.set(role, []);
    for (let i = 0; i < count; i++) this.addKey(role);
  }

  async updateTimestamp(): Promise<void> {
    const version = this.snapshot.version;
    const bytes = this.listsHashes ? await this.#signed('snapshot', this.snapshot) : undefined;
    this.timestamp.meta['snapshot.json'] = { version, ...(bytes && described(bytes)) };
    this.timestamp.version++;
  }

  async updateSnapshot(): Promise<void> {
    for (const [name, targets] of this.targets) {
      const bytes = this.listsHashes ? await this.#signed(name, targets) : undefined;
      this.snapshot.meta[`${name}.json`] = { version: targets.version, ...(bytes && described(bytes)) };
    }
    this.snapshot.version++;
    await this.updateTimestamp();
  }

  /** Adds a role, with a key of its own unless it is there. */
  delegate(delegator: string, name: string, change: Partial<DelegatedRole> = {}): void {
    const from = this.role(delegator);
    const [signer = newSigner()] = this.signers.get(name) ?? [];
    this.signers.set(name, [signer]);
    const keyid = keyIdOf(signer.key);
    from.delegations ??= { keys: {}, roles: [] };
    from.delegations.keys[keyid] = signer.key;
    const paths = change.path_hash_prefixes ? {} : { paths: ['*'] };
    from.delegations.roles?.push({
      name,
      keyids: [keyid],
      threshold: 1,
      terminating: false,
      ...paths,
      ...change,
    });
    const { _type, spec_version, expires } = this.top;
    if (!this.targets.has(name))
      this.targets.set(name, { _type, spec_version, expires, version: 1, targets: {} });
  }

  addTarget(role: string, path: string, content: string): void {
    const bytes = Buffer.from(content);
    this.role(role).targets[path] = described(bytes);
  }

  /** A file by its name with consistent snapshots; undefined when there is none. */
  async fetch(name: string): Promise<Uint8Array | undefined> {
    this.requests.push(name);
    const override = this.overrides.get(name);
    if (override) return override;
    if (name === 'timestamp.json') return this.#signed('timestamp', this.timestamp);
    const [, version, encoded = ''] = /^(\d+)\.(.*)\.json$/s.exec(name) ?? [];
    const role = decodeURIComponent(encoded);
    if (role === 'root') return this.roots[Number(version) - 1];
    if (role === 'snapshot') return this.#signed('snapshot', this.snapshot);
    const targets = this.targets.get(role);
    return targets && this.#signed(role, targets);
  }

  async #signed(role: string, signed: unknown): Promise<Uint8Array> {
    return encodeDocument(await signDocument({ signed, signatures: [] }, this.signers.get(role) ?? []));
  }
}

function described(bytes: Uint8Array) {
  return { length: bytes.byteLength, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } };
}
