import { TokenAnswer, TokensAnswer } from '@covey/protocol/api';
import { Command } from 'commander';
import { noAnswer } from '../client/client.ts';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, durationOption, namedValue, session, wholeNumber } from './command.ts';

interface CreateOptions {
  tag?: Record<string, string>;
  uses: number;
  expires: number;
}

/** `covey token create|list|revoke` */
export function tokenCommand(): Command {
  return new Command('token')
    .description('enrolment tokens')
    .addCommand(
      apiCommand('create', 'a token that lets devices enrol; it is shown once')
        .option('--tag <name=value>', 'a tag every device enrolled with it gets; may be repeated', namedValue)
        .option('--uses <count>', 'how many devices may enrol with it', wholeNumber(1, 100_000), 1)
        .addOption(durationOption('--expires <duration>', 'how long it is valid', '1h'))
        .action((options: CreateOptions, command: Command) => create(command, options)),
    )
    .addCommand(
      apiCommand('list', 'the tokens that were made, without what enrols').action(
        (_options, command: Command) => list(command),
      ),
    )
    .addCommand(
      apiCommand('revoke', 'let nobody enrol by a token any more; who did stays enrolled')
        .argument('<token>', 'its id, as `list` shows it')
        .action((token: string, _options, command: Command) => revoke(command, token)),
    );
}

async function create(command: Command, { tag, uses, expires }: CreateOptions): Promise<void> {
  const { client, output } = session(command);
  const token = await client.call({
    method: 'POST',
    path: '/tokens',
    body: { tags: tag ?? {}, maxUses: uses, expiresInMs: expires },
    answer: TokenAnswer,
  });
  output.result(token, token.token);
}

async function list(command: Command): Promise<void> {
  const { client, output } = session(command);
  const answer = await client.call({ method: 'GET', path: '/tokens', answer: TokensAnswer });
  output.result(answer, () =>
    answer.tokens.length === 0
      ? 'no token was made yet'
      : formatTable(['token', 'used', 'good', 'tags'], answer.tokens.map(row)),
  );
}

function row({ id, tags, uses, maxUses, expiresAt, revokedAt }: TokensAnswer['tokens'][number]): string[] {
  const end = new Date(revokedAt ?? expiresAt).toISOString().slice(0, 16);
  const good =
    revokedAt !== null ? `revoked ${end}` : `${expiresAt > Date.now() ? 'until' : 'until, over:'} ${end}`;
  const shown = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
  return [id, `${uses} of ${maxUses}`, good, shown.join(',') || '-'];
}

async function revoke(command: Command, token: string): Promise<void> {
  const { client, output } = session(command);
  await client.call({ method: 'DELETE', path: `/tokens/${encodeURIComponent(token)}`, answer: noAnswer });
  output.result({ token, revoked: true }, `nobody enrols by ${token} any more`);
}
