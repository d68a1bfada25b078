import { listTarget } from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Command } from 'commander';
import { uploadOrDraft } from '../publish/draft.ts';
import { publisherKeyPath } from '../publish/keys.ts';
import { keyHelp, openPublisher } from '../publish/signers.ts';
import { readInForce } from '../publish/trust.ts';
import { verifyServed } from '../publish/verified.ts';
import { apiCommand, parseModelVersion, session } from './command.ts';

interface PromoteOptions {
  data: string;
  key?: string;
}

export function promoteCommand(): Command {
  return apiCommand('promote', 'sign a version for all devices that a limited key has signed for some')
    .argument('<model@version>', 'such as bearing@1.1.0')
    .option('--key <key>', `signs for all devices: ${keyHelp}; default: the one in the data folder`)
    .action(promote);
}

async function promote(target: string, options: PromoteOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const { model, version } = parseModelVersion(target);
  const [listed] = await (await verifyServed(client, { now: 0 })).rolesListing(model, version);
  if (!listed) throw new CoveyError('NOT_FOUND', `no role lists ${target}: push it first`);
  if (listed.limits.length === 0) {
    output.result({ role: listed.role }, `${target} is signed for all devices already, by ${listed.role}`);
    return;
  }
  const signer = await openPublisher(client, options.key ?? publisherKeyPath(options.data, 'targets'));
  const named = { model, version, target: listed.target };
  const targets = await listTarget(await readInForce(client), named, [signer], Date.now());
  const { draft, why } = await uploadOrDraft(client, { roots: [], targets }, `${model}.trust.json`);
  const [role] = Object.keys(targets).filter((name) => name !== 'targets');
  output.result(
    { role, draft },
    draft === null
      ? `${model}@${version} is signed for all devices, by ${role}`
      : `${why}; written to ${draft}`,
  );
}
