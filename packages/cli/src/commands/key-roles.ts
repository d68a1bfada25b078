import { existsSync } from 'node:fs';
import {
  changedDelegation,
  changedRoot,
  type KeyChange,
  keyIdOf,
  keysNamed,
  nextTargets,
  type Root,
  readPublicKey,
  type SignedDocument,
  type Signer,
  signDocument,
  signUpload,
  type Targets,
  type TufKey,
  type Upload,
  withDelegation,
  withKeyReplaced,
  withoutDelegation,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Command } from 'commander';
import type { Client } from '../client/client.ts';
import { uploadOrDraft } from '../publish/draft.ts';
import { publisherKeyPath, readKeyFile } from '../publish/keys.ts';
import { openSigner } from '../publish/signers.ts';
import { readInForce, readTrust } from '../publish/trust.ts';
import type { Output } from '../terminal/output.ts';
import { session } from './command.ts';

export interface SigningOptions {
  data: string;
  key: string[];
  out?: string;
}

/** Adds or removes keys of a role: of the root's own, or of one that is delegated to. */
export async function changeKeys(
  role: string,
  change: { add: string[]; remove: string[]; threshold?: number },
  command: Command,
): Promise<void> {
  const { client, output } = session(command);
  const keys: KeyChange = {
    add: change.add.map((path) => readPublicKey(readKeyFile(path))),
    remove: await fullIds(client, role, change.remove),
    threshold: change.threshold,
  };
  const inForce = await readInForce(client);
  const now = Date.now();
  const isOfRoot = role === 'root' || role === 'targets';
  const upload: Upload = isOfRoot
    ? { roots: [unsigned(changedRoot(inForce.root, role, keys, now))], targets: {} }
    : { roots: [], targets: { targets: unsigned(changedDelegation(inForce.targets, role, keys, now)) } };
  const signers = await signersOf(client, command.opts<SigningOptions>(), keys.add);
  // A role whose keys change is signed again by those at hand: what the old ones signed may count no more.
  const current = isOfRoot ? undefined : await inForce.roleTargets(role);
  const targets =
    role === 'targets'
      ? { targets: unsigned(nextTargets(inForce.targets, now)) }
      : { ...upload.targets, ...(current && { [role]: unsigned(nextTargets(current, now)) }) };
  const signed = await signUpload({ ...upload, targets }, signers);
  await finish(client, signed, command.opts<SigningOptions>().out ?? `${role}.trust.json`, output);
}

/** Puts one key in the place of another, in the root and wherever the targets name it; `online`: the controller's present one. */
export async function rotateKey(
  role: 'root' | 'targets' | 'online',
  { from, to }: { from?: string; to?: string },
  command: Command,
): Promise<void> {
  const { client, output } = session(command);
  const inForce = await readInForce(client);
  const now = Date.now();
  const options = command.opts<SigningOptions>();
  const path = options.out ?? `${role}.trust.json`;
  if (role === 'online') {
    const { keyid: _, ...key } = (await readTrust(client)).onlineKey;
    const change = { add: [key], remove: idsOf(inForce.root, 'timestamp'), threshold: 1 };
    const isSame = change.remove.includes(keyIdOf(key));
    const root = isSame
      ? changedRoot(inForce.root, role, {}, now)
      : changedRoot(inForce.root, role, change, now);
    const signers = await signersOf(client, options);
    return finish(client, await signUpload({ roots: [unsigned(root)], targets: {} }, signers), path, output);
  }
  if (to === undefined) throw new CoveyError('INVALID_ARGUMENT', '--to names the new private key');
  const next = await openSigner(to, async () => []);
  const [old] = from === undefined ? idsOf(inForce.root, role) : await fullIds(client, role, [from]);
  if (old === undefined) throw new CoveyError('NOT_FOUND', `${role} has no key`);
  const root = unsigned(changedRoot(inForce.root, role, { add: [next.key], remove: [old] }, now));
  const replaced = withKeyReplaced(inForce.targets, old, next.key, now);
  const targets: Record<string, SignedDocument> = {};
  if (role === 'targets') {
    targets.targets = unsigned(replaced.targets);
    for (const name of replaced.roles) {
      const current = await inForce.roleTargets(name);
      if (current) targets[name] = unsigned(nextTargets(current, now));
    }
  }
  const signers = [...(await signersOf(client, options, [])), next];
  await finish(client, await signUpload({ roots: [root], targets }, signers), path, output);
}

/** Lets other keys sign for some targets; with tags, for devices that have them alone. */
export async function delegate(
  name: string,
  publicKeys: string[],
  options: SigningOptions & { path: string[]; tag?: Record<string, string>; threshold: number },
  command: Command,
): Promise<void> {
  const { client, output } = session(command);
  const { targets } = await readInForce(client);
  const keys = publicKeys.map((path) => readPublicKey(readKeyFile(path)));
  const limits = options.tag && { tags: options.tag };
  const { path: paths, threshold } = options;
  if (paths.length === 0)
    throw new CoveyError('INVALID_ARGUMENT', `--path says what ${name} may sign, such as 'detector/*'`);
  const next = withDelegation(nextTargets(targets, Date.now()), { name, keys, threshold, paths, limits });
  await signTargets(client, next, options, `${name}.trust.json`, output);
}

export async function undelegate(name: string, options: SigningOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const { targets } = await readInForce(client);
  const next = withoutDelegation(nextTargets(targets, Date.now()), name);
  await signTargets(client, next, options, `${name}.trust.json`, output);
}

async function signTargets(
  client: Client,
  signed: Targets,
  options: SigningOptions,
  draft: string,
  output: Output,
): Promise<void> {
  const key = options.key.length > 0 ? options.key : keyAtHand(options);
  const document = await signDocument({ signed, signatures: [] }, await signersOf(client, { key }));
  await finish(client, { roots: [], targets: { targets: document } }, options.out ?? draft, output);
}

/** The one in the data folder, as for `model push`; none where a draft is asked for and it is not there. */
function keyAtHand({ data, out }: SigningOptions): string[] {
  const path = publisherKeyPath(data, 'targets');
  return existsSync(path) || out === undefined ? [path] : [];
}

async function finish(client: Client, upload: Upload, draftPath: string, output: Output): Promise<void> {
  const { view, draft, why } = await uploadOrDraft(client, upload, draftPath);
  output.result(
    view ? { ...view, draft } : { draft, why },
    draft === null
      ? why
      : `${why}\nwritten to ${draft}: let the others sign it (\`covey key sign ${draft} --key ...\`), then \`covey key submit ${draft}\``,
  );
}

async function signersOf(
  client: Client,
  { key }: Pick<SigningOptions, 'key'>,
  more: readonly TufKey[] = [],
): Promise<Signer[]> {
  const named = async () => {
    const { root, targets } = await readInForce(client);
    return [...keysNamed(root, [targets]), ...more];
  };
  return Promise.all(key.map((reference) => openSigner(reference, named)));
}

/** Ids by their beginnings. Errors: NOT_FOUND. */
async function fullIds(client: Client, role: string, beginnings: string[]): Promise<string[]> {
  const { roles } = await readTrust(client);
  const known = roles.find(({ name }) => name === role)?.keyids ?? [];
  return beginnings.map((beginning) => {
    const [id, ...others] = known.filter((candidate) => candidate.startsWith(beginning));
    if (id === undefined || others.length > 0)
      throw new CoveyError(
        'NOT_FOUND',
        `${role} has ${others.length > 0 ? 'several keys' : 'no key'} ${beginning}`,
      );
    return id;
  });
}

function idsOf({ roles }: Root, role: 'root' | 'targets' | 'timestamp'): string[] {
  return roles[role].keyids;
}

function unsigned<Signed>(signed: Signed) {
  return { signed, signatures: [] };
}
