import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { enrol } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Command } from 'commander';
import { lockFolder } from '../folder/lock.ts';
import { networkOf } from '../network/proxy.ts';
import { createOutput } from '../terminal/output.ts';
import { defaultDeviceFolder } from './agent.ts';
import { namedValue } from './command.ts';

interface EnrollOptions {
  token?: string;
  tokenFile?: string;
  data: string;
  id: string;
  tag?: Record<string, string>;
  certificate?: string;
  key?: string;
  replace: boolean;
  json: boolean;
}

/** `covey enroll`: makes this machine a device. */
export function enrollCommand(): Command {
  return new Command('enroll')
    .description('make this machine a device of the controller that made the token')
    .option('--token-file <file>', 'file that holds the token; - reads standard input', '-')
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--id <device>', 'id of the device', defaultId())
    .option('--tag <name=value>', 'a tag of the device; may be repeated', namedValue)
    .option('--certificate <file>', 'certificate of this device by your own authority (PEM, with its chain)')
    .option('--key <file>', 'its private key (PEM)')
    .option(
      '--replace',
      'give this device a new identity, after `covey device reset`; models and what is not yet sent stay',
      false,
    )
    .option('--json', 'print JSON', false)
    .action(async (options: EnrollOptions) => {
      const output = createOutput(options.json);
      const source = options.tokenFile === '-' || options.tokenFile === undefined ? 0 : options.tokenFile;
      if (source === 0 && process.stdin.isTTY)
        output.progress('paste the token and press Enter, then Ctrl-D');
      const folder = resolve(options.data);
      const lock = options.replace ? lockFolder(folder, join(folder, 'lock')) : undefined;
      const identity = await enrol(
        { disk: systemDisk, fetch: networkOf(folder).fetch },
        {
          token: readFileSync(source, 'utf8').trim(),
          folder,
          deviceId: options.id,
          tags: options.tag ?? {},
          replace: options.replace,
          ...credentialsOf(options),
        },
      ).finally(() => lock?.release());
      output.result(
        { device: identity.deviceId, folder },
        `this machine is device ${identity.deviceId}; start it with: covey agent --data ${options.data}`,
      );
    });
}

/** Errors: INVALID_ARGUMENT when one is given without the other. */
function credentialsOf({ certificate, key }: EnrollOptions) {
  if (certificate === undefined && key === undefined) return {};
  if (certificate === undefined || key === undefined)
    throw new CoveyError('INVALID_ARGUMENT', '--certificate and --key go together');
  return {
    credentials: { certificatePem: readFileSync(certificate, 'utf8'), keyPem: readFileSync(key, 'utf8') },
  };
}

function defaultId(): string {
  return (
    hostname()
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63) || 'device'
  );
}
