import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { buildBundle } from '@covey/bundle';
import { CoveyError, softwareName } from '@covey/protocol';
import { VersionView } from '@covey/protocol/api';
import { Command } from 'commander';
import { fileSigner, publisherKeyPath } from '../publish/keys.ts';
import { publishBundle } from '../publish/publish.ts';
import { findPublished } from '../publish/published.ts';
import { apiCommand, session, wholeNumber } from './command.ts';

interface PushOptions {
  data: string;
  description?: string;
  securityCounter: number;
  requiresAgent?: string;
  key?: string;
}

/** `covey software push`: the agent's own software is published as models are, and moved by `covey rollout`. */
export function softwareCommand(): Command {
  const group = new Command('software').description(
    'publish software of the agent, for devices to update to',
  );
  group.addCommand(
    apiCommand('push', 'sign and publish software of the agent')
      .argument('<archive>', 'covey-agent-<version>-<platform>.tar, as device-images/build.ts makes it')
      .option('--description <text>', 'what is new')
      .option(
        '--security-counter <count>',
        'devices refuse a counter below the highest they have committed',
        wholeNumber(0, 2 ** 31),
        0,
      )
      .option(
        '--requires-agent <version>',
        'agents before this version do not take it, because they cannot be followed by it',
      )
      .option('--key <file>', 'the private key that signs the version; default: the one in the data folder')
      .action(push),
  );
  return group;
}

async function push(path: string, options: PushOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const { model, version } = readName(basename(path));
  const software = readFileSync(path);
  const published = await findPublished(client, model, version);
  if (published) {
    if (published.files[0]?.sha256 !== createHash('sha256').update(software).digest('hex'))
      throw new CoveyError(
        'CONFLICT',
        `${model}@${version} is published with other contents; versions never change, so push this as a new one`,
      );
    output.result(VersionView.parse(published), `${model}@${version} was published before`);
    return;
  }
  const bundle = buildBundle({
    model,
    version,
    createdAt: new Date().toISOString(),
    ...(options.description !== undefined && { description: options.description }),
    securityCounter: options.securityCounter,
    ...(options.requiresAgent !== undefined && { requirements: { agentVersion: options.requiresAgent } }),
    schema: { inputs: [], outputs: [] },
    variants: [],
    software,
  });
  const signer = fileSigner(options.key ?? publisherKeyPath(options.data, 'targets'));
  output.progress(`publishing ${model}@${version}, ${bundle.chunks.size} chunks`);
  const view = await publishBundle(client, bundle, [signer], output.progress);
  output.result(view, `${model}@${version} is published (${view.digest.slice(0, 12)})`);
}

/** Errors: INVALID_ARGUMENT for any other name. */
function readName(name: string): { model: string; version: string } {
  const [, version, platform] = /^covey-agent-(\d[\w.-]*?)-([a-z0-9]+-[a-z0-9]+)\.tar$/.exec(name) ?? [];
  if (version === undefined || platform === undefined)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${name} does not say its version and platform, as covey-agent-1.0.0-linux-x64.tar does`,
    );
  return { model: softwareName(platform), version };
}
