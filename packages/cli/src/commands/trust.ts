import type { Signer } from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { TrustView } from '@covey/protocol/api';
import { Command } from 'commander';
import { ensureKeyFile, publisherKeyPath } from '../publish/keys.ts';
import { keyHelp, openSigner } from '../publish/signers.ts';
import { createTrust, readTrust } from '../publish/trust.ts';
import { type Verified, verifyServed } from '../publish/verified.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, parseModelVersion, session } from './command.ts';

interface CreateOptions {
  data: string;
  rootKey?: string;
  targetsKey?: string;
}

/** `covey trust create|show|verify`: what devices hold to. */
export function trustCommand(): Command {
  return new Command('trust')
    .description('who may publish, and what devices hold to')
    .addCommand(
      apiCommand(
        'create',
        'make the root of trust; key files that are not there are made, and stay on this machine',
      )
        .option('--root-key <key>', `the key of the root: ${keyHelp}; default: a file in the data folder`)
        .option('--targets-key <key>', 'the key that signs versions; default: a file in the data folder')
        .action(create),
    )
    .addCommand(apiCommand('show', 'roles, their keys and versions').action(show))
    .addCommand(
      apiCommand('verify', 'check what the controller serves as a device would, from a root that you trust')
        .argument('[model@version]', 'a version that must be signed')
        .option('--root-digest <sha256>', 'of the root to begin from; default: the newest, on its own word')
        .action(verify),
    );
}

async function create(options: CreateOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const rootKey = options.rootKey ?? publisherKeyPath(options.data, 'root');
  const targetsKey = options.targetsKey ?? publisherKeyPath(options.data, 'targets');
  const view = await createTrust(client, options.data, {
    root: await keyOf(rootKey),
    targets: await keyOf(targetsKey),
  });
  output.result(
    { ...view, rootKey, targetsKey },
    `devices begin to trust from root ${view.rootDigest?.slice(0, 12)}\nroot key    ${rootKey}: keep it offline\ntargets key ${targetsKey}: signs versions`,
  );
}

async function keyOf(reference: string): Promise<Signer> {
  return /^(env|command):/.test(reference) ? openSigner(reference, async () => []) : ensureKeyFile(reference);
}

async function show(_options: unknown, command: Command): Promise<void> {
  const { client, output } = session(command);
  const view = await readTrust(client);
  output.result(view, () => trustTable(view));
}

/** Roles by line. */
export function trustTable({ roles, rootDigest }: TrustView): string {
  if (rootDigest === null) return 'no root of trust yet; make one with `covey trust create`';
  const tagText = (tags: Record<string, string>) =>
    Object.entries(tags)
      .map(([tag, value]) => `${tag}=${value}`)
      .join(' ');
  return formatTable(
    ['role', 'version', 'expires', 'keys', 'may sign', 'for devices with'],
    roles.map(({ name, version, expires, threshold, keyids, paths, tags }) => [
      name,
      version === null ? '-' : String(version),
      expires?.slice(0, 10) ?? '-',
      `${threshold} of ${keyids.map((id) => id.slice(0, 8)).join(' ')}`,
      paths?.join(' ') ?? '',
      tags === null ? '' : tagText(tags),
    ]),
  );
}

async function verify(
  target: string | undefined,
  { rootDigest }: { rootDigest?: string },
  command: Command,
): Promise<void> {
  const { client, output } = session(command);
  const { trusted, rolesListing } = await verifyServed(client, { rootDigest, now: Date.now() });
  const { root, timestamp, snapshot, targets } = trusted;
  const versions = Object.entries({ root, targets, snapshot, timestamp }).map(([role, { signed }]) => ({
    role,
    version: signed.version,
    expires: signed.expires,
  }));
  const found = target === undefined ? [] : await listed(target, rolesListing);
  output.result({ versions, found }, () =>
    [
      formatTable(
        ['role', 'version', 'expires'],
        versions.map(({ role, version, expires }) => [role, String(version), expires]),
      ),
      ...found.map(({ role, limits }) => `${target} is signed by ${role}${limitsText(limits)}`),
      `all signatures hold and nothing has expired, ${rootDigest === undefined ? 'if the newest root is the right one: tell it with --root-digest' : 'from the root that you named'}`,
    ].join('\n'),
  );
}

/** Errors: TRUST_UNKNOWN when no role lists it. */
async function listed(target: string, rolesListing: Verified['rolesListing']) {
  const { model, version } = parseModelVersion(target);
  const found = await rolesListing(model, version);
  if (found.length === 0) throw new CoveyError('TRUST_UNKNOWN', `no role lists ${target}`);
  return found.map(({ role, limits }) => ({ role, limits }));
}

function limitsText(limits: Awaited<ReturnType<typeof listed>>[number]['limits']): string {
  if (limits.length === 0) return '';
  const tags = limits.flatMap((limit) =>
    Object.entries(limit.tags).map(([name, value]) => `${name}=${value}`),
  );
  return `, for devices with ${tags.join(' and ')} only`;
}
