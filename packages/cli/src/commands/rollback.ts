import { RollbackAnswer } from '@covey/protocol/api';
import type { Command } from 'commander';
import { formatTable } from '../terminal/table.ts';
import { apiCommand, session } from './command.ts';
import { allDevices } from './device.ts';

/** `covey rollback MODEL` */
export function rollbackCommand(): Command {
  return apiCommand('rollback', 'take a group of devices back to the version before')
    .argument('<model>', 'name of the model')
    .option('--group <selector>', 'tags that devices must have', 'all')
    .option('--wait', 'until every device that is online serves the version before', false)
    .action(async (model: string, options: { group: string; wait: boolean }, command: Command) => {
      const { client, output } = session(command);
      const rollback = await client.call({
        method: 'POST',
        path: '/rollbacks',
        body: { model, selector: options.group },
        answer: RollbackAnswer,
      });
      if (options.wait) {
        let waiting: string[] = [];
        let told = '';
        do {
          const devices = await allDevices(client, options.group);
          waiting = rollback.devices.flatMap(({ device, generation }) => {
            const view = devices.find((candidate) => candidate.id === device);
            const reached =
              (view?.reported?.generation ?? 0) >= generation && view?.reported?.state === 'committed';
            return reached || !view?.online ? [] : [device];
          });
          if (waiting.length > 0) {
            const line = `waiting for ${waiting.join(', ')}`;
            if (line !== told) output.progress(line);
            told = line;
            await new Promise((resolve) => setTimeout(resolve, 500));
          }
        } while (waiting.length > 0);
      }
      output.result(rollback, () => {
        const moved = rollback.devices.map(({ device, from, to }) => [device, from, to ?? 'removed', '']);
        const skipped = rollback.skipped.map(({ device, reason }) => [device, '-', '-', reason]);
        return formatTable(['device', 'from', 'to', 'note'], [...moved, ...skipped]);
      });
    });
}
