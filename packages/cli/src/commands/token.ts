import { TokenAnswer } from '@covey/protocol/api';
import { Command } from 'commander';
import { apiCommand, durationOption, namedValue, session, wholeNumber } from './command.ts';

/** `covey token create` */
export function tokenCommand(): Command {
  return new Command('token').description('enrolment tokens').addCommand(
    apiCommand('create', 'a token that lets devices enrol; it is shown once')
      .option('--tag <name=value>', 'a tag every device enrolled with it gets; may be repeated', namedValue)
      .option('--uses <count>', 'how many devices may enrol with it', wholeNumber(1, 100_000), 1)
      .addOption(durationOption('--expires <duration>', 'how long it is valid', '1h'))
      .action(
        async (
          options: { tag?: Record<string, string>; uses: number; expires: number },
          command: Command,
        ) => {
          const { client, output } = session(command);
          const token = await client.call({
            method: 'POST',
            path: '/tokens',
            body: { tags: options.tag ?? {}, maxUses: options.uses, expiresInMs: options.expires },
            answer: TokenAnswer,
          });
          output.result(token, token.token);
        },
      ),
  );
}
