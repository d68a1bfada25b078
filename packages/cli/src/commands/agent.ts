import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, createAgent, openDeviceFolder } from '@covey/agent';
import { type LogLevel, systemDisk } from '@covey/ports';
import { CoveyError, type InferenceAddresses, type InferencePorts } from '@covey/protocol';
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
  grpcPort?: number | 'off';
  tensorflowServingPort?: number;
  metrics: number;
  summaries: number;
  flush: number;
  warmSpare: boolean;
  logLevel: LogLevel;
}

/** What an agent tells the process that started it. */
export interface AgentReady {
  inferenceUrl: string;
  /** Absent where gRPC is off. */
  grpcUrl?: string;
  tensorflowServingUrl?: string;
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
      '--grpc-port <port>',
      'port of the inference API over gRPC; 0: any that is free; off: none; default: the one after --port',
      portOrOff,
    )
    .option(
      '--tensorflow-serving-port <port>',
      "port of TensorFlow Serving's gRPC API, which is 8500 by custom; 0: any that is free; default: none",
      wholeNumber(0, 65_535),
    )
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
      inference: { host: options.host, ...portsOf(options) },
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
    const { url, grpcUrl, tensorflowServingUrl } = await inferenceApiUp(agent);
    const service = {
      stop: async () => {
        await agent.stop();
        lock.release();
      },
    };
    const grpc = { ...(grpcUrl && { grpcUrl }), ...(tensorflowServingUrl && { tensorflowServingUrl }) };
    return { service, ready: { inferenceUrl: url, ...grpc } };
  });
}

const startPollMs = 20;

function portOrOff(text: string): number | 'off' {
  return text === 'off' ? text : wholeNumber(0, 65_535)(text);
}

function portsOf({ port, grpcPort, tensorflowServingPort }: AgentOptions): InferencePorts {
  const after = port === 0 || port === 65_535 ? 0 : port + 1;
  const grpc = grpcPort ?? after;
  return {
    port,
    ...(grpc !== 'off' && { grpcPort: grpc }),
    ...(tensorflowServingPort !== undefined && { tensorflowServingPort }),
  };
}

/** The addresses of the inference API once it listens. Errors: PORT_IN_USE; the agent is stopped then. */
async function inferenceApiUp(agent: Agent): Promise<InferenceAddresses> {
  for (;;) {
    const runtime = agent.status()?.runtime;
    if (runtime?.addresses) return runtime.addresses;
    if (runtime?.lastError?.code === 'PORT_IN_USE') {
      await agent.stop();
      throw new CoveyError('PORT_IN_USE', runtime.lastError.message);
    }
    await sleep(startPollMs);
  }
}
