import { join, resolve } from 'node:path';
import { openDeviceFolder } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import { checkDocument, type Hold, HoldSchema, type Network } from '@covey/protocol';
import { Command } from 'commander';
import { createOutput } from '../terminal/output.ts';
import { defaultDeviceFolder } from './agent.ts';
import { durationOption } from './command.ts';

interface FolderOptions {
  data: string;
  json: boolean;
}

/** `covey hold`: somebody on the device asks that nothing changes for a while. */
export function holdCommand(): Command {
  return folderCommand('hold', 'on this device: let no update come or change anything for a while')
    .addOption(durationOption('--for <duration>', 'how long', '2h'))
    .option('--reason <text>', 'shown to whoever waits for the update', '')
    .option('--release', 'let it go on now', false)
    .action(async (options: FolderOptions & { for: number; reason: string; release: boolean }) => {
      const path = await pathIn(options, 'hold.json');
      const output = createOutput(options.json);
      if (options.release) {
        await systemDisk.remove(path);
        output.result({ held: false }, 'updates go on');
        return;
      }
      const until = Date.now() + options.for;
      const hold: Hold = { format: 'covey-hold/1', until, reason: options.reason };
      await systemDisk.write(path, Buffer.from(JSON.stringify(checkDocument(HoldSchema, hold, '--reason'))));
      const at = new Date(until).toISOString();
      output.result({ held: true, until }, `no update until ${at}, or the deadline of its rollout`);
    });
}

/** `covey network metered|unmetered|unknown`: whether bytes cost money now. */
export function networkCommand(): Command {
  const group = new Command('network').description(
    'on this device: whether its connection costs by the byte; for whatever manages its connections',
  );
  for (const [name, metered, description] of [
    ['metered', true, 'it does'],
    ['unmetered', false, 'it does not'],
    ['unknown', null, 'as `covey agent --metered` says'],
  ] as const)
    group.addCommand(
      folderCommand(name, description).action(async (options: FolderOptions) => {
        const path = await pathIn(options, 'network.json');
        const document: Network | null = metered === null ? null : { format: 'covey-network/1', metered };
        if (document) await systemDisk.write(path, Buffer.from(JSON.stringify(document)));
        else await systemDisk.remove(path);
        createOutput(options.json).result({ metered }, `the connection is ${name}`);
      }),
    );
  return group;
}

function folderCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--json', 'print JSON', false);
}

async function pathIn({ data }: FolderOptions, name: string): Promise<string> {
  const folder = resolve(data);
  await openDeviceFolder(systemDisk, folder);
  return join(folder, name);
}
