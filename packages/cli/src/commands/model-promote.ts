import { listTarget } from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Command } from 'commander';
import type { Client } from '../client/client.ts';
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
  const [listed] = await listing(client, { model, version });
  if (!listed) throw new CoveyError('NOT_FOUND', `no role lists ${target}: push it first`);
  if (listed.limits.length === 0) {
    output.result({ role: listed.role }, `${target} is signed for all devices already, by ${listed.role}`);
    return;
  }
  const signer = await openPublisher(client, options.key ?? publisherKeyPath(options.data, 'targets'));
  const named = { model, version, target: listed.target };
  const targets = await listTarget(await readInForce(client), named, [signer], Date.now());
  const [role] = Object.keys(targets).filter((name) => name !== 'targets');
  refuseLimited(role, await listing(client, { model, version }));
  const { draft, why } = await uploadOrDraft(client, { roots: [], targets }, `${model}.trust.json`);
  if (draft === null) refuseLimited(undefined, await listing(client, { model, version }));
  output.result(
    { role, draft },
    draft === null
      ? `${model}@${version} is signed for all devices, by ${role}`
      : `${why}; written to ${draft}`,
  );
}

async function listing(client: Client, { model, version }: { model: string; version: string }) {
  return (await verifyServed(client, { now: 0 })).rolesListing(model, version);
}

/** What `role`, or every role where none is given, lists for some devices only, is not signed for all. Errors: TRUST_LIMITED. */
function refuseLimited(role: string | undefined, listed: Awaited<ReturnType<typeof listing>>): void {
  const asked = role === undefined ? listed : listed.filter((one) => one.role === role);
  const [limited] = asked;
  if (limited === undefined || asked.some(({ limits }) => limits.length === 0)) return;
  throw new CoveyError(
    'TRUST_LIMITED',
    `the key signs as ${limited.role}, which may sign for some devices only: give one without limits as --key`,
  );
}
