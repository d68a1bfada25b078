import { readFileSync } from 'node:fs';
import { CoveyError, limits } from '@covey/protocol';
import { LinkChangePreview, LinkChangesAnswer, LinkChangeView } from '@covey/protocol/api';
import { Command } from 'commander';
import type { Client } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import { exitCodes } from '../terminal/exit-codes.ts';
import type { Output } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, durationOption, session } from './command.ts';
import { parseWaves } from './rollout-wait.ts';

interface Session {
  client: Client;
  output: Output;
}

interface ChangeOptions {
  mqtt?: string;
  device?: string;
  addCa?: string;
  group: string;
  waves: string;
  within: number;
  dryRun: boolean;
  wait: boolean;
}

/** `covey link change|status|stop`: the addresses by which devices reach the controller. */
export function linkCommand(): Command {
  return new Command('link')
    .description('the addresses by which devices reach this controller')
    .addCommand(changeCommand())
    .addCommand(
      apiCommand('status', 'a change and its devices; without an id, the newest changes')
        .argument('[change]', 'its id')
        .option('--wait', 'follow it to its end; exit 0 finished, 3 stopped', false)
        .action((id: string | undefined, options: { wait: boolean }, command: Command) =>
          status(session(command), id, options.wait),
        ),
    )
    .addCommand(
      apiCommand('stop', 'move no further device; those that moved stay')
        .argument('<change>', 'its id')
        .action(async (id: string, _options, command: Command) => {
          const { client, output } = session(command);
          const path = `/link-changes/${encodeURIComponent(id)}/stop`;
          const change = await client.call({ method: 'POST', path, answer: LinkChangeView });
          output.result(change, () => describe(change, output));
        }),
    );
}

function changeCommand(): Command {
  return apiCommand(
    'change',
    'move devices to other addresses, one first; a device without contact by the new way goes back by itself',
  )
    .option(
      '--mqtt <url>',
      'such as mqtts://covey.example.com:8883; default: as devices are told that enrol now',
    )
    .option(
      '--device <url>',
      'such as https://covey.example.com:8443; default: as devices are told that enrol now',
    )
    .option('--add-ca <file>', 'an authority for devices to trust in addition (PEM)')
    .option('--group <selector>', 'tags that devices must have, such as site=lab', 'all')
    .option(
      '--waves <sizes>',
      'sizes of the waves, counts or percentages; what is left is one last wave',
      '1',
    )
    .addOption(
      durationOption('--within <duration>', 'in which a device must have contact by the new way', '15m'),
    )
    .option('--dry-run', 'say which devices move in which wave, and begin nothing', false)
    .option('--wait', 'follow it to its end; exit 0 finished, 3 stopped', false)
    .action((options: ChangeOptions, command: Command) => change(session(command), options));
}

async function change({ client, output }: Session, options: ChangeOptions): Promise<void> {
  const body = {
    mqttUrl: options.mqtt,
    deviceUrl: options.device,
    selector: options.group,
    waves: parseWaves(options.waves),
    withinMs: options.within,
    ...(options.addCa !== undefined && { caPem: readAuthority(options.addCa) }),
  };
  if (options.dryRun) {
    const path = '/link-changes/preview';
    const preview = await client.call({ method: 'POST', path, body, answer: LinkChangePreview });
    output.result(preview, () => describePreview(preview));
    return;
  }
  const begun = await client.call({ method: 'POST', path: '/link-changes', body, answer: LinkChangeView });
  if (options.wait) return waitFor({ client, output }, begun.id);
  output.result(begun, () => describe(begun, output));
}

/** Errors: NOT_FOUND, PAYLOAD_TOO_LARGE. */
function readAuthority(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `${file} cannot be read`, { cause });
  }
  if (pem.length > limits.certificatesChars)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `${file} is no certificate: it has ${pem.length} characters`);
  return pem;
}

async function status({ client, output }: Session, id: string | undefined, wait: boolean): Promise<void> {
  if (id === undefined) {
    if (wait) throw new CoveyError('INVALID_ARGUMENT', '--wait needs the id of a change');
    const answer = await client.call({ method: 'GET', path: '/link-changes', answer: LinkChangesAnswer });
    output.result(answer, () =>
      answer.linkChanges.length === 0
        ? 'no changes yet; begin one with `covey link change`'
        : formatTable(
            ['change', 'to', 'state', 'wave', 'reason'],
            answer.linkChanges.map((one) => [
              one.id,
              one.plan.mqttUrl,
              coloured(one, output),
              `${one.wave + 1}/${one.waves.length}`,
              one.reason ?? '',
            ]),
          ),
    );
    return;
  }
  if (wait) return waitFor({ client, output }, id);
  const view = await viewOf(client, id);
  output.result(view, () => describe(view, output));
}

function viewOf(client: Client, id: string): Promise<LinkChangeView> {
  const path = `/link-changes/${encodeURIComponent(id)}`;
  return client.call({ method: 'GET', path, answer: LinkChangeView });
}

async function waitFor({ client, output }: Session, id: string): Promise<void> {
  const view = await follow(client, {
    look: () => viewOf(client, id),
    summarize,
    isOver: ({ state }) => state !== 'running',
    onLine: (line) => output.progress(line),
  });
  output.result(view, () => describe(view, output));
  process.exitCode = view.state === 'finished' ? exitCodes.ok : exitCodes.reverted;
}

function summarize(view: LinkChangeView): string {
  const devices =
    view.waves[view.wave]?.devices.map(({ device, state }) => `${device} ${words[state]}`) ?? [];
  return `${view.id} ${view.state}, wave ${view.wave + 1} of ${view.waves.length}: ${devices.join(', ')}`;
}

const words: Record<LinkChangeView['waves'][number]['devices'][number]['state'], string> = {
  waiting: 'waiting',
  moving: 'pending',
  kept: 'kept',
  takenBack: 'taken back',
  silent: 'silent',
  unreached: 'was away',
};

function coloured({ state }: LinkChangeView, output: Output): string {
  return output.style(({ running: 'cyan', finished: 'green', stopped: 'red' } as const)[state], state);
}

function describe(view: LinkChangeView, output: Output): string {
  const { plan } = view;
  const rows = view.waves.flatMap(({ devices }, index) =>
    devices.map(({ device, state, reason }) => [`${index + 1}`, device, words[state], reason ?? '']),
  );
  return [
    `${view.id}  ${plan.mqttUrl} ${plan.deviceUrl}  ${coloured(view, output)}`,
    ...(view.reason === null ? [] : [view.reason]),
    formatTable(['wave', 'device', 'state', 'reason'], rows),
  ].join('\n');
}

function describePreview({ mqttUrl, deviceUrl, waves }: LinkChangePreview): string {
  const rows = waves.flatMap(({ devices }, index) =>
    devices.map(({ device, online }) => [`${index + 1}`, device, online ? 'yes' : 'no']),
  );
  return [`to ${mqttUrl} ${deviceUrl}`, formatTable(['wave', 'device', 'online'], rows)].join('\n');
}
