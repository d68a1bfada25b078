import { resolve } from 'node:path';
import { initDeviceFolder } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import { Command } from 'commander';
import { chooseProxy, removeProxySetting, writeProxySetting } from '../network/proxy.ts';
import { createOutput } from '../terminal/output.ts';
import { defaultDeviceFolder } from './agent.ts';

interface FolderOptions {
  data: string;
  json: boolean;
}

/** `covey proxy set|off|clear|show`: the HTTP proxy between a device and its controller. */
export function proxyCommand(): Command {
  return new Command('proxy')
    .description(
      'the HTTP proxy through which this device reaches its controller; read when the agent starts',
    )
    .addCommand(
      folderCommand('set', 'use a proxy')
        .argument('<url>', 'its address, such as http://proxy.example:3128')
        .option('--credentials-file <file>', 'file that holds user:password')
        .option(
          '--bypass <hosts>',
          'hosts reached without it, with commas between; a domain stands for all below it',
        )
        .action((url: string, options: FolderOptions & { credentialsFile?: string; bypass?: string }) =>
          change(options, (folder) =>
            writeProxySetting(folder, {
              url,
              bypass: (options.bypass ?? '').split(',').filter(Boolean),
              ...(options.credentialsFile !== undefined && {
                credentialsFile: resolve(options.credentialsFile),
              }),
            }),
          ),
        ),
    )
    .addCommand(
      folderCommand('off', 'use none, whatever HTTPS_PROXY says').action((options: FolderOptions) =>
        change(options, (folder) => writeProxySetting(folder, { url: null, bypass: [] })),
      ),
    )
    .addCommand(
      folderCommand('clear', 'follow HTTPS_PROXY and NO_PROXY again').action((options: FolderOptions) =>
        change(options, removeProxySetting),
      ),
    )
    .addCommand(
      folderCommand('show', 'which one is used, and who said so').action((options: FolderOptions) =>
        change(options, () => {}),
      ),
    );
}

function folderCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--json', 'print JSON', false);
}

async function change({ data, json }: FolderOptions, apply: (folder: string) => void): Promise<void> {
  const folder = resolve(data);
  // Before the device is enrolled, too: enrolling goes through it.
  await initDeviceFolder(systemDisk, folder);
  apply(folder);
  const { proxy, source } = chooseProxy(folder);
  const user = proxy?.credentials ? `, as ${proxy.credentials.user}` : '';
  const bypass = proxy && proxy.bypass.length > 0 ? `, but for ${proxy.bypass.join(', ')}` : '';
  const document = {
    url: proxy?.url ?? null,
    user: proxy?.credentials?.user ?? null,
    bypass: proxy?.bypass ?? [],
    source,
  };
  createOutput(json).result(
    document,
    proxy ? `${proxy.url}${user}${bypass} (${source})` : `no proxy (${source})`,
  );
}
