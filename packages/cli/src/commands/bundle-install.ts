import { resolve } from 'node:path';
import { systemDisk } from '@covey/ports';
import { Command } from 'commander';
import { installParcel } from '../parcel/install.ts';
import { createOutput } from '../terminal/output.ts';
import { defaultDeviceFolder } from './agent.ts';

/** `covey bundle install`: what a device carries of `covey bundle`. */
export function bundleInstallCommand(): Command {
  return new Command('install')
    .description('on this device: take a version from a file of `covey bundle export`')
    .argument('<file>', 'the file')
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--json', 'print JSON', false)
    .action(async (file: string, { data, json }: { data: string; json: boolean }) => {
      const output = createOutput(json);
      const { model, version } = await installParcel(systemDisk, file, resolve(data));
      output.result(
        { model, version },
        `${model}@${version} is in the inbox: the agent takes it up within seconds, or when it starts, and checks it as any other`,
      );
    });
}

/** As devices carry it. */
export function deviceBundleCommand(): Command {
  return new Command('bundle')
    .description('take a version that was carried to this device')
    .addCommand(bundleInstallCommand());
}
