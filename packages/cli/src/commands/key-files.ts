import {
  type KeyType,
  keyIdOf,
  type Root,
  readPublicKey,
  signUpload,
  type Targets,
  type TufKey,
  type Upload,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Command } from 'commander';
import { readDraft, writeDraft } from '../publish/draft.ts';
import { createKeyFiles, passphraseOf, passphraseVariable, readKeyFile } from '../publish/keys.ts';
import { openSigner } from '../publish/signers.ts';
import { uploadTrust } from '../publish/trust.ts';
import { createOutput } from '../terminal/output.ts';
import { session } from './command.ts';

export function createKey(path: string, options: { type: KeyType; encrypt: boolean; json: boolean }): void {
  const passphrase = options.encrypt ? passphraseOf(process.env) : undefined;
  if (options.encrypt && passphrase === undefined)
    throw new CoveyError('INVALID_ARGUMENT', `--encrypt takes the passphrase from ${passphraseVariable}`);
  const { privatePath, publicPath } = createKeyFiles(path, options.type, passphrase);
  const keyid = keyIdOf(readPublicKey(readKeyFile(publicPath)));
  createOutput(options.json).result(
    { keyid, privateKey: privatePath, publicKey: publicPath },
    `key id      ${keyid}\nprivate key ${privatePath}\npublic key  ${publicPath}`,
  );
}

/** Signs a draft, wherever the key lies: no controller is asked. */
export async function signDraft(
  path: string,
  options: { key: string[]; publicKey: string[]; json: boolean },
): Promise<void> {
  const upload = readDraft(path);
  const named = async () => [
    ...namedKeys(upload),
    ...options.publicKey.map((file) => readPublicKey(readKeyFile(file))),
  ];
  const signers = await Promise.all(options.key.map((key) => openSigner(key, named)));
  const signed = await signUpload(upload, signers);
  writeDraft(path, signed);
  const keys = signers.map(({ key }) => keyIdOf(key));
  createOutput(options.json).result(
    { draft: path, keys },
    [`${path} is signed by ${keys.join(', ')}`, ...signed.roots.map(countText)].join('\n'),
  );
}

/** How far a root is. Those of the root in force have to sign as well, which only the controller knows. */
function countText({ signed, signatures }: Upload['roots'][number]): string {
  const { version, roles } = signed as Root;
  const { keyids, threshold } = roles.root;
  const own = signatures.filter(({ keyid }) => keyids.includes(keyid)).length;
  const more = own < threshold ? `; ${threshold - own} more wanted` : '';
  return `root ${version} has ${own} of the ${threshold} signatures that its own keys have to give${more}`;
}

export async function submitDraft(path: string, command: Command): Promise<void> {
  const { client, output } = session(command);
  output.result(await uploadTrust(client, readDraft(path)), `${path} is in force`);
}

function namedKeys({ roots, targets }: Upload): TufKey[] {
  const root = roots.map(({ signed }) => signed as Root);
  const files = Object.values(targets).map(({ signed }) => signed as Targets);
  return [
    ...root.flatMap((signed) => Object.values(signed.keys)),
    ...files.flatMap(({ delegations }) => Object.values(delegations?.keys ?? {})),
  ];
}
