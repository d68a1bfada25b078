import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { testSoftware } from '@covey/agent';
import { Command } from 'commander';
import { systemPorts } from '../ports.ts';
import { createOutput } from '../terminal/output.ts';
import { coveyVersion } from '../version.ts';
import { defaultDeviceFolder } from './agent.ts';

/** `covey selftest`: whether this software can take over a device. */
export function selftestCommand(): Command {
  return new Command('selftest')
    .description('try this software on the data of a device, beside the agent that runs, and change nothing')
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--json', 'print JSON', false)
    .action(async (options: { data: string; json: boolean }) => {
      const scratch = await mkdtemp(join(tmpdir(), 'covey-selftest-'));
      const folder = resolve(options.data);
      try {
        await testSoftware(systemPorts('warn', folder), {
          folder,
          scratch,
          runtimeModule: import.meta.resolve('@covey/runtime/process'),
          probeModule: import.meta.resolve('@covey/runtime/probe'),
        });
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      createOutput(options.json).result(
        { version: coveyVersion, folder },
        `Covey ${coveyVersion} can take over ${folder}`,
      );
    });
}
