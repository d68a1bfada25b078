import { AuthorityAnswer } from '@covey/protocol/api';
import { Command } from 'commander';
import { apiCommand, session } from './command.ts';

/** `covey authority show|change|finish`: the certificate authority that the controller's devices believe. */
export function authorityCommand(): Command {
  return new Command('authority')
    .description("the controller's certificate authority")
    .addCommand(
      apiCommand('show', 'its fingerprint, and who is behind while it is changed').action(
        (_options, command: Command) => run(command, undefined),
      ),
    )
    .addCommand(
      apiCommand(
        'change',
        'begin to change it: devices learn the next one and renew their certificates',
      ).action((_options, command: Command) => run(command, { step: 'begin', force: false })),
    )
    .addCommand(
      apiCommand('finish', 'end the present one, once every device has learned the next')
        .option('--force', 'although devices are behind: reset them and enrol them again', false)
        .action(({ force }: { force: boolean }, command: Command) => run(command, { step: 'finish', force })),
    );
}

async function run(command: Command, body: { step: string; force: boolean } | undefined): Promise<void> {
  const { client, output } = session(command);
  const answer = await client.call({
    method: body ? 'POST' : 'GET',
    path: '/authority',
    ...(body && { body }),
    answer: AuthorityAnswer,
  });
  const { fingerprint, nextFingerprint, devicesBehind } = answer;
  const behind = devicesBehind.slice(0, 10).join(', ') + (devicesBehind.length > 10 ? ', ...' : '');
  output.result(answer, () =>
    [
      `authority  ${fingerprint}`,
      ...(nextFingerprint
        ? [`next       ${nextFingerprint}`, `behind     ${devicesBehind.length}: ${behind || '-'}`]
        : []),
    ].join('\n'),
  );
}
