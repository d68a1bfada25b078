import { CoveyError, isSoftware } from '@covey/protocol';
import { type Delivery, RequestedRollout, RolloutsAnswer, RolloutView } from '@covey/protocol/api';
import { Command } from 'commander';
import type { Client } from '../client/client.ts';
import { exitCodes } from '../terminal/exit-codes.ts';
import type { Output } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import {
  apiCommand,
  durationOption,
  parseModelVersion,
  percentageOption,
  session,
  wholeNumber,
} from './command.ts';
import {
  addDeliveryOptions,
  type DeliveryOptions,
  deliveryOf,
  describeDelivery,
} from './delivery-options.ts';
import { describePreview, previewOf, summarizePreview, unreachable } from './rollout-preview.ts';
import { soakText } from './rollout-soak.ts';
import { exitCodeOf, parseWaves, waitForRollout } from './rollout-wait.ts';

/** About ten minutes, in which the controller makes the transfers of 2 GB. */
const patient = { tries: 120, waitMs: 5_000 };
/** No rollout waits for its preview. */
const hasty = { tries: 1, waitMs: 1_000 };

interface Session {
  client: Client;
  output: Output;
}

interface StartOptions extends DeliveryOptions {
  group: string;
  waves: string;
  samples: number;
  soak: number;
  agreement: number;
  errors: number;
  timeout: number;
  force: boolean;
  wait: boolean;
  dryRun: boolean;
}

/** `covey rollout start|status|pause|resume|abort` */
export function rolloutCommand(): Command {
  const group = new Command('rollout').description(
    'move a group of devices to a version, in waves, on evidence',
  );
  group.addCommand(startCommand());
  group.addCommand(
    apiCommand('status', 'a rollout and its devices; without an id, the newest rollouts')
      .argument('[rollout]', 'its id')
      .option('--wait', 'follow it to its end; exit 0 passed, 3 reverted, 4 inconclusive', false)
      .action((id: string | undefined, options: { wait: boolean }, command: Command) =>
        status(session(command), id, options.wait),
      ),
  );
  for (const [verb, description] of [
    ['pause', 'start no further devices'],
    ['resume', 'go on with a paused rollout'],
    ['abort', 'take every moved device back to the version before'],
  ] as const) {
    group.addCommand(
      apiCommand(verb, description)
        .argument('<rollout>', 'its id')
        .action((id: string, _options, command: Command) => act(session(command), id, verb)),
    );
  }
  return group;
}

function startCommand(): Command {
  const command = apiCommand('start', 'begin a rollout')
    .argument('<model@version>', 'such as bearing@1.1.0; the version may be a number or a channel')
    .option('--group <selector>', 'tags that devices must have, such as site=lab', 'all')
    .option(
      '--waves <sizes>',
      'sizes of the waves, counts or percentages; what is left is one last wave',
      '1',
    )
    .option(
      '--samples <count>',
      'mirrored inputs each device compares in its soak',
      wholeNumber(1, 1_000_000),
      50,
    )
    .addOption(durationOption('--soak <duration>', 'longest soak on a device', '10m'))
    .addOption(percentageOption('--agreement <percent>', 'least agreement with the version before', '98%'))
    .addOption(percentageOption('--errors <percent>', 'largest share of failed inferences', '1%'))
    .addOption(durationOption('--timeout <duration>', 'a device without an outcome by then is silent', '15m'))
    .option('--force', 'try it at once on devices where it failed lately', false)
    .option('--dry-run', 'say what comes over the network to which devices, and begin nothing', false)
    .option('--wait', 'follow it to its end; exit 0 passed, 3 reverted, 4 inconclusive', false)
    .action((target: string, options: StartOptions, command: Command) =>
      start(session(command), target, options),
    );
  return addDeliveryOptions(command);
}

async function start({ client, output }: Session, target: string, options: StartOptions): Promise<void> {
  const wanted = { ...parseModelVersion(target), selector: options.group };
  // Read before anything is asked, so that a dry run refuses what a rollout would.
  const waves = parseWaves(options.waves);
  const delivery = deliveryOf(options);
  if (options.dryRun) {
    const preview = await previewOf(client, wanted, { ...patient, onWait: output.progress });
    output.result(preview, () => describePreview(preview));
    return;
  }
  await announce({ client, output }, wanted, delivery);
  const rollout = await client.call({
    method: 'POST',
    path: '/rollouts',
    body: {
      ...wanted,
      waves,
      force: options.force,
      delivery,
      gate: { timeoutMs: Math.max(options.timeout, options.soak) },
      soak: {
        minSamples: options.samples,
        maxDurationMs: options.soak,
        minAgreement: options.agreement,
        maxErrorRate: options.errors,
      },
    },
    answer: RequestedRollout,
  });
  const { begun } = rollout;
  // Where there was nothing to do, the rollout says so itself.
  if (begun && options.wait) output.progress(soakText(rollout));
  else if (!begun && rollout.waves.length > 0)
    output.progress(
      `nothing is begun: rollout ${rollout.id} is bringing it to these devices, on its own terms`,
    );
  if (options.wait) return follow({ client, output }, rollout.id, { begun });
  output.result(rollout, () => describe(rollout, output));
}

/** What will come, as far as it is known within moments: no reason to wait with the rollout. */
async function announce(
  { client, output }: Session,
  wanted: { model: string; version: string; selector: string },
  { device = {} }: Partial<Delivery>,
): Promise<void> {
  try {
    const preview = await previewOf(client, wanted, hasty);
    output.progress(summarizePreview(preview));
    const warning = unreachable(preview, { device });
    if (warning !== undefined) output.progress(`careful: ${warning}`);
  } catch (error) {
    if (!(error instanceof CoveyError) || !['TRANSFER_PENDING', 'TIMEOUT'].includes(error.code)) throw error;
    output.progress('what it brings is not known yet: the controller is still making the transfers');
  }
}

async function status({ client, output }: Session, id: string | undefined, wait: boolean): Promise<void> {
  if (id === undefined) {
    if (wait) throw new CoveyError('INVALID_ARGUMENT', '--wait needs the id of a rollout');
    const { rollouts } = await client.call({ method: 'GET', path: '/rollouts', answer: RolloutsAnswer });
    output.result({ rollouts }, () =>
      rollouts.length === 0
        ? 'no rollouts yet; begin one with `covey rollout start`'
        : formatTable(
            ['rollout', 'version', 'state', 'wave', 'reason'],
            rollouts.map((rollout) => row(rollout, output)),
          ),
    );
    return;
  }
  if (wait) return follow({ client, output }, id);
  const rollout = await client.call({
    method: 'GET',
    path: `/rollouts/${encodeURIComponent(id)}`,
    answer: RolloutView,
  });
  output.result(rollout, () => describe(rollout, output));
}

/** `beside`: what a program is told beside the rollout. */
async function follow({ client, output }: Session, id: string, beside: object = {}): Promise<void> {
  const onStop = () => {
    output.progress(`it goes on without this command; \`covey rollout abort ${id}\` takes it back`);
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', onStop);
  try {
    const rollout = await waitForRollout(client, id, (change) => output.progress(change));
    output.result({ ...rollout, ...beside }, () => describe(rollout, output));
    process.exitCode = exitCodeOf(rollout);
  } finally {
    process.removeListener('SIGINT', onStop);
  }
}

async function act({ client, output }: Session, id: string, verb: string): Promise<void> {
  const rollout = await client.call({
    method: 'POST',
    path: `/rollouts/${encodeURIComponent(id)}/${verb}`,
    answer: RolloutView,
  });
  output.result(rollout, () => describe(rollout, output));
}

function row(rollout: RolloutView, output: Output): string[] {
  return [
    rollout.id,
    `${rollout.plan.model}@${rollout.plan.version}`,
    colouredState(rollout, output),
    rollout.waves.length === 0 ? '-' : `${rollout.wave + 1}/${rollout.waves.length}`,
    rollout.reason ?? '',
  ];
}

function colouredState(rollout: RolloutView, output: Output): string {
  const styles = {
    running: 'cyan',
    paused: 'yellow',
    reverting: 'yellow',
    succeeded: 'green',
    reverted: 'red',
  } as const;
  return output.style(styles[rollout.state], rollout.state);
}

function describe(rollout: RolloutView, output: Output): string {
  const head = `${rollout.id}  ${rollout.plan.model}@${rollout.plan.version}  ${colouredState(rollout, output)}`;
  const members = rollout.waves.flatMap((wave, index) =>
    wave.devices.map((member) => [
      `${index + 1} ${rollout.state === 'reverted' && wave.state === 'moving' ? 'ended' : wave.state}`,
      member.device,
      member.phase === null ? member.state : `${member.state} (${member.phase})`,
      member.previous ?? (isSoftware(rollout.plan.model) ? 'as installed' : 'first install'),
      member.evidence?.agreement == null
        ? '-'
        : `${(member.evidence.agreement * 100).toFixed(1)} % of ${member.evidence.samples}`,
      member.reason ?? '',
    ]),
  );
  const headers = ['wave', 'device', 'state', 'before', 'agreement', 'reason'];
  const table = members.length === 0 ? [] : [formatTable(headers, members)];
  const policy = describeDelivery(rollout.plan.delivery);
  const next =
    rollout.state === 'paused'
      ? [
          `go on with \`covey rollout resume ${rollout.id}\`, or take it back with \`covey rollout abort ${rollout.id}\``,
        ]
      : [];
  return [head, ...policy, ...(rollout.reason === null ? [] : [rollout.reason]), ...table, ...next].join(
    '\n',
  );
}
