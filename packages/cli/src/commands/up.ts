import { Command } from 'commander';
import { createOutput } from '../terminal/output.ts';
import { up } from '../up/up.ts';
import { defaultDataFolder, wholeNumber } from './command.ts';

interface UpOptions {
  devices: number;
  data: string;
  port?: number;
  json: boolean;
  once: boolean;
}

/** `covey up` */
export function upCommand(): Command {
  return new Command('up')
    .description(
      'a controller and a fleet of devices on this machine, and the story of a bad version taken back',
    )
    .option('--devices <count>', 'how many devices', wholeNumber(1, 20), 3)
    .option('--data <folder>', 'where everything is kept; a second start finds it again', defaultDataFolder)
    .option(
      '--port <port>',
      'first of the ports: admin API on it, MQTT and device HTTP on the next two, devices from 10 above; 0: any that are free; default: 8080, 8883, 8443 and 8000, 8010, ...',
      wholeNumber(0, 65_000),
    )
    .option('--json', 'print JSON lines and nothing else', false)
    .option('--once', 'end after the story; exit 1 if it did not go as it should', false)
    .action(async (options: UpOptions) => {
      const isAsExpected = await up({ ...options, output: createOutput(options.json) });
      if (!isAsExpected) process.exitCode = 1;
    });
}
