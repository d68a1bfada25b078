import { WhyAnswer } from '@covey/protocol/api';
import type { Command } from 'commander';
import { apiCommand, session } from './command.ts';

/** `covey why DEVICE MODEL` */
export function whyCommand(): Command {
  return apiCommand('why', 'why a device serves what it serves')
    .argument('<device>', 'its id')
    .argument('<model>', 'name of the model')
    .action(async (device: string, model: string, _options, command: Command) => {
      const { client, output } = session(command);
      const why = await client.call({
        method: 'GET',
        path: `/why/${encodeURIComponent(device)}/${encodeURIComponent(model)}`,
        answer: WhyAnswer,
      });
      output.result(why, () => {
        const history = why.history.map(
          (entry) =>
            `  ${output.style('dim', new Date(entry.at).toISOString().slice(0, 19).replace('T', ' '))}  ${entry.message}`,
        );
        return [
          ...why.statements,
          ...(history.length > 0 ? ['', 'what led here, newest first:', ...history] : []),
        ].join('\n');
      });
    });
}
