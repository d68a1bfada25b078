import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, createAgent, openDeviceFolder } from '@covey/agent';
import { type LogLevel, systemDisk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Command, Option } from 'commander';
import { lockFolder } from '../folder/lock.ts';
import { systemPorts } from '../ports.ts';
import { durationOption, wholeNumber } from './command.ts';
import { runService } from './service.ts';

export const defaultDeviceFolder = '/var/lib/covey';

interface AgentOptions {
  data: string;
  host: string;
  port: number;
  metrics: number;
  summaries: number;
  flush: number;
  warmSpare: boolean;
  logLevel: LogLevel;
}

/** What an agent tells the process that started it. */
export interface AgentReady {
  inferenceUrl: string;
}

/** `covey agent`: the device daemon. */
export function agentCommand(): Command {
  return new Command('agent')
    .description('run the device daemon: serves models to local applications, follows the controller')
    .option('--data <folder>', 'data folder of the device, made by `covey enroll`', defaultDeviceFolder)
    .option(
      '--host <address>',
      'address of the inference API; loopback only, other addresses need TLS',
      '127.0.0.1',
    )
    .option('--port <port>', 'port of the inference API; 0: any that is free', wholeNumber(0, 65_535), 8000)
    .option(
      '--warm-spare',
      'hold the models in a second process, where memory allows, that takes over at once when the first dies',
      false,
    )
    .addOption(durationOption('--metrics <duration>', 'how often metrics are reported', '30s'))
    .addOption(durationOption('--summaries <duration>', 'length of the windows that are summarized', '5m'))
    .addOption(durationOption('--flush <duration>', 'how often telemetry is written to disk and sent', '10s'))
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(run);
}

async function run(options: AgentOptions): Promise<void> {
  if (!['127.0.0.1', '::1', 'localhost'].includes(options.host)) {
    throw new CoveyError(
      'UNSUPPORTED',
      `${options.host} is not loopback: the inference API is open to this machine alone`,
    );
  }
  const folder = resolve(options.data);
  await runService<AgentReady>(async () => {
    const agent = createAgent(systemPorts(options.logLevel), {
      folder,
      agentVersion: '0.1.0',
      runtimeModule: import.meta.resolve('@covey/runtime/process'),
      probeModule: import.meta.resolve('@covey/runtime/probe'),
      inference: { host: options.host, port: options.port },
      warmSpare: options.warmSpare,
      intervals: {
        metricsMs: options.metrics,
        summaryMs: options.summaries,
        telemetryFlushMs: options.flush,
      },
    });
    // Before the lock, which is a file in the folder: somebody else's is left as it is.
    await openDeviceFolder(systemDisk, folder);
    const lock = lockFolder(folder, join(folder, 'lock'));
    await agent.start();
    const inferenceUrl = await inferenceApiUp(agent);
    const service = {
      stop: async () => {
        await agent.stop();
        lock.release();
      },
    };
    return { service, ready: { inferenceUrl } };
  });
}

const startPollMs = 20;

/** The address of the inference API once it listens. Errors: PORT_IN_USE; the agent is stopped then. */
async function inferenceApiUp(agent: Agent): Promise<string> {
  for (;;) {
    const runtime = agent.status()?.runtime;
    if (runtime?.url) return runtime.url;
    if (runtime?.lastError?.code === 'PORT_IN_USE') {
      await agent.stop();
      throw new CoveyError('PORT_IN_USE', runtime.lastError.message);
    }
    await sleep(startPollMs);
  }
}
