import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { trustRootOf } from '@covey/bundle';
import { CoveyError } from '@covey/protocol';
import { TrustDocument } from '@covey/protocol/api';
import { Command } from 'commander';
import { ensurePublisherKey, publisherKeyPath } from '../publish/keys.ts';
import { createOutput } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, defaultDataFolder, session } from './command.ts';

interface KeyOptions {
  data: string;
  key?: string;
  json: boolean;
}

/** `covey trust create-key|set|show`: who may publish. */
export function trustCommand(): Command {
  return new Command('trust')
    .description('the publisher keys that devices trust')
    .addCommand(
      new Command('create-key')
        .description('make a publisher key pair; the private key never goes to the controller')
        .option('--data <folder>', 'data folder', defaultDataFolder)
        .option('--key <file>', 'where the private key goes; default: in the data folder')
        .option('--json', 'print JSON', false)
        .action(createKey),
    )
    .addCommand(
      apiCommand(
        'set',
        'the keys that versions must be signed with, and that devices enrolled from now on trust',
      )
        .argument('<public-key.pem...>', 'public keys')
        .action(setKeys),
    )
    .addCommand(apiCommand('show', 'the keys in force').action(show));
}

function createKey(options: KeyOptions): void {
  const key = resolve(options.key ?? publisherKeyPath(options.data));
  ensurePublisherKey(key);
  const publicKey = key.replace(/\.pem$/, '.pub.pem');
  createOutput(options.json).result({ key, publicKey }, `private key ${key}\npublic key  ${publicKey}`);
}

async function setKeys(paths: string[], _options: unknown, command: Command): Promise<void> {
  const { client, output } = session(command);
  const root = trustRootOf(paths.map(readPublicKey));
  const trust = await client.call({
    method: 'PUT',
    path: '/trust',
    body: JSON.parse(new TextDecoder().decode(root)),
    answer: TrustDocument,
  });
  output.result(
    trust,
    `${trust.keys.length} publisher ${trust.keys.length === 1 ? 'key is' : 'keys are'} trusted`,
  );
}

async function show(_options: unknown, command: Command): Promise<void> {
  const { client, output } = session(command);
  const trust = await client.call({ method: 'GET', path: '/trust', answer: TrustDocument });
  output.result(trust, () =>
    formatTable(
      ['key id', 'public key'],
      trust.keys.map(({ keyid, publicKeyPem }) => [keyid.slice(0, 16), publicKeyPem.split('\n')[1] ?? '']),
    ),
  );
}

function readPublicKey(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
