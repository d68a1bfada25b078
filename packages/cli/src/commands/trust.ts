import type { TrustView } from '@covey/protocol/api';
import { Command } from 'commander';
import { ensureKeyFile, publisherKeyPath } from '../publish/keys.ts';
import { createTrust, readTrust } from '../publish/trust.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, session } from './command.ts';

interface CreateOptions {
  data: string;
  rootKey?: string;
  targetsKey?: string;
}

/** `covey trust create|show`: who may publish. */
export function trustCommand(): Command {
  return new Command('trust')
    .description('who may publish, and what devices hold to')
    .addCommand(
      apiCommand(
        'create',
        'make the root of trust; keys that are not there are made, and stay on this machine',
      )
        .option('--root-key <file>', "the root's private key; default: in the data folder")
        .option('--targets-key <file>', 'the private key that signs versions; default: in the data folder')
        .action(create),
    )
    .addCommand(apiCommand('show', 'roles, their keys and versions').action(show));
}

async function create(options: CreateOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const rootKey = options.rootKey ?? publisherKeyPath(options.data, 'root');
  const targetsKey = options.targetsKey ?? publisherKeyPath(options.data, 'targets');
  const view = await createTrust(client, {
    root: ensureKeyFile(rootKey),
    targets: ensureKeyFile(targetsKey),
  });
  output.result(
    { ...view, rootKey, targetsKey },
    `devices begin to trust from root ${view.rootDigest?.slice(0, 12)}\nroot key    ${rootKey}: keep it offline\ntargets key ${targetsKey}: signs versions`,
  );
}

async function show(_options: unknown, command: Command): Promise<void> {
  const { client, output } = session(command);
  const view = await readTrust(client);
  output.result(view, () => (view.rootDigest === null ? 'no root of trust yet' : tableOf(view)));
}

function tableOf({ roles }: TrustView): string {
  return formatTable(
    ['role', 'version', 'expires', 'keys', 'may sign', 'for devices with'],
    roles.map(({ name, version, expires, threshold, keyids, paths, tags }) => [
      name,
      version === null ? '-' : String(version),
      expires?.slice(0, 10) ?? '-',
      `${threshold} of ${keyids.map((id) => id.slice(0, 8)).join(' ')}`,
      paths?.join(' ') ?? '',
      tags === null
        ? ''
        : Object.entries(tags)
            .map(([tag, value]) => `${tag}=${value}`)
            .join(' '),
    ]),
  );
}
