import { DevicesAnswer, DeviceView } from '@covey/protocol/api';
import { Command } from 'commander';
import { type Client, noAnswer } from '../client/client.ts';
import type { Output } from '../terminal/output.ts';
import { formatDuration, formatTable } from '../terminal/table.ts';
import { apiCommand, session } from './command.ts';

/** `covey device list|show|revoke|reset` */
export function deviceCommand(): Command {
  return new Command('device')
    .description('the devices of the fleet')
    .addCommand(
      apiCommand('list', 'devices, what they serve and how they are')
        .option('--group <selector>', 'only devices with these tags, such as site=lab,line=3', 'all')
        .action((options: { group: string }, command: Command) => list(session(command), options.group)),
    )
    .addCommand(
      apiCommand('show', 'one device, whole')
        .argument('<device>', 'its id')
        .action((device: string, _options, command: Command) => show(session(command), device)),
    )
    .addCommand(
      apiCommand('revoke', 'refuse a device from now on')
        .argument('<device>', 'its id')
        .action((device: string, _options, command: Command) => revoke(session(command), device)),
    )
    .addCommand(
      apiCommand(
        'reset',
        'withdraw the identity of a device, so that its id may be enrolled again with a token',
      )
        .argument('<device>', 'its id')
        .action((device: string, _options, command: Command) => reset(session(command), device)),
    );
}

interface Session {
  client: Client;
  output: Output;
}

/** All devices of a group, page by page. */
export async function allDevices(client: Client, selector: string): Promise<DeviceView[]> {
  const devices: DeviceView[] = [];
  let after: string | undefined;
  do {
    const page = await client.call({
      method: 'GET',
      path: '/devices',
      query: { selector, after, limit: 1_000 },
      answer: DevicesAnswer,
    });
    devices.push(...page.devices);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return devices;
}

async function list({ client, output }: Session, selector: string): Promise<void> {
  const devices = await allDevices(client, selector);
  output.result({ devices }, () =>
    devices.length === 0
      ? selector === 'all'
        ? 'no devices; enrol one with a token from `covey token create`'
        : `no device has the tags ${selector}`
      : formatTable(
          ['device', 'online', 'state', 'serving', 'tags'],
          devices.map((device) => row(device, output)),
        ),
  );
}

function row(device: DeviceView, output: Output): string[] {
  return [
    device.id,
    device.refusal !== null
      ? output.style('red', device.refusal)
      : device.online
        ? output.style('green', 'yes')
        : output.style('yellow', `no, ${seen(device)}`),
    device.reported?.state ?? '-',
    serving(device),
    Object.entries(device.tags)
      .map(([name, value]) => `${name}=${value}`)
      .join(',') || '-',
  ];
}

function seen(device: DeviceView): string {
  return device.lastSeenAt === null
    ? 'never seen'
    : `seen ${formatDuration(Date.now() - device.lastSeenAt)} ago`;
}

function serving(device: DeviceView): string {
  const models = device.reported?.serving ?? [];
  return models.map((model) => `${model.model}@${model.version} (${model.variant})`).join(', ') || '-';
}

async function show({ client, output }: Session, id: string): Promise<void> {
  const device = await client.call({
    method: 'GET',
    path: `/devices/${encodeURIComponent(id)}`,
    answer: DeviceView,
  });
  output.result(device, () => {
    const lines: [string, string][] = [
      ['device', device.id],
      ['online', device.online ? 'yes' : `no, ${seen(device)}`],
      ['serving', serving(device)],
      ['state', device.reported?.state ?? 'has not reported'],
    ];
    const { certificate, clone, refusal, reported } = device;
    if (refusal) lines.push(['refused', refusalWords[refusal]]);
    if (certificate)
      lines.push(['identity', `certificate ${certificate.serial}, good until ${day(certificate.expiresAt)}`]);
    lines.push(...linkLines(device));
    if (clone) lines.push(['clone', `${clone.message} (${new Date(clone.at).toISOString()})`]);
    if (reported?.reason) lines.push(['reason', `${reported.reason.message} [${reported.reason.code}]`]);
    if (reported?.proof) {
      const whose = device.desired ? ofWhich(device.desired, reported.generation) : '';
      lines.push(['proof', `${reported.proof}${whose}`]);
    }
    if (device.desired) {
      lines.push([
        'wanted',
        device.desired.models.map((model) => `${model.model}@${model.version}`).join(', ') || 'nothing',
      ]);
      lines.push(['set by', `${device.desired.setBy.kind} ${device.desired.setBy.id}`]);
    }
    if (device.hardware) {
      const { cpu, cores, os, arch, agentVersion, inferenceUrl } = device.hardware;
      lines.push(
        ['hardware', `${os}/${arch}, ${cores} cores, ${cpu}`],
        ['agent', agentVersion],
        ['inference', inferenceUrl ?? '-'],
      );
    }
    for (const result of reported?.probe ?? []) {
      const figures = result.ok
        ? `${result.latencyMs?.toFixed(3) ?? '?'} ms, error ${result.maxError?.toPrecision(2) ?? '?'}`
        : (result.reason ?? 'failed');
      const where = `${result.provider} x${result.threads ?? 1}`;
      const why = result.ok && result.reason ? ` (${result.reason})` : '';
      lines.push([
        'probe',
        `${result.model}@${result.version} ${result.variant} ${where}: ${figures}${result.chosen ? ', chosen' : ''}${why}`,
      ]);
    }
    return lines.map(([name, value]) => `${output.style('dim', name.padEnd(10))}${value}`).join('\n');
  });
}

/** Of a device with several models: which of them its last update was of. */
export function ofWhich(
  {
    models,
    orders,
  }: { models: readonly unknown[]; orders: readonly { model: string; generation: number }[] },
  generation: number,
): string {
  if (models.length < 2) return '';
  const own = orders.filter((order) => order.generation === generation).map(({ model }) => model);
  return own.length > 0 ? `, the update of ${own.join(' and ')}` : '';
}

const refusalWords: Record<NonNullable<DeviceView['refusal']>, string> = {
  revoked: 'revoked',
  reset: 'reset: enrol it again with a token',
  quarantined: 'in quarantine: two machines used its identity',
};

const linkWords = { pending: 'pending', kept: 'kept', takenBack: 'taken back' } as const;

/** What became of the last change of the way to the controller, and what is still wanted. */
function linkLines({ link: { wanted, reported } }: DeviceView): [string, string][] {
  const isTold = wanted !== null && wanted.id !== reported?.id;
  return [
    ...(wanted ? [['link', `${wanted.mqttUrl} ${wanted.deviceUrl}`] as [string, string]] : []),
    ...(isTold
      ? [['change', `${wanted.id} pending: the device has not answered yet`] as [string, string]]
      : []),
    ...(reported
      ? [
          [
            'change',
            `${reported.id} ${linkWords[reported.state]}${reported.reason ? `: ${reported.reason}` : ''}`,
          ] as [string, string],
        ]
      : []),
  ];
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

async function reset({ client, output }: Session, id: string): Promise<void> {
  const path = `/devices/${encodeURIComponent(id)}/reset`;
  await client.call({ method: 'POST', path, answer: noAnswer });
  const next = 'make a token and enrol it again; what it is to serve and its history stay';
  output.result({ device: id, reset: true }, `the identity of ${id} is withdrawn: ${next}`);
}

async function revoke({ client, output }: Session, id: string): Promise<void> {
  await client.call({ method: 'DELETE', path: `/devices/${encodeURIComponent(id)}`, answer: noAnswer });
  output.result({ device: id, revoked: true }, `${id} is refused from now on`);
}
