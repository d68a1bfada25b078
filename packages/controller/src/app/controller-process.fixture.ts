import { streamLog, systemClock, systemDisk, systemRandom } from '@covey/ports';
import { createController } from './controller.ts';

/** A controller as a process of its own, for tests that kill it: says where it listens in one line. */
const [, , folder = ''] = process.argv;
const controller = createController({
  ports: {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    log: streamLog(process.stderr, systemClock, 'error'),
  },
  folder,
  listen: { host: '127.0.0.1', adminPort: 0, mqttPort: 0, devicePort: 0 },
  names: [],
  version: '0.1.0',
});
process.stdout.write(`${JSON.stringify(await controller.start())}\n`);
