import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, createAgent, openDeviceFolder } from '@covey/agent';
import { type LogLevel, systemDisk } from '@covey/ports';
import {
  CloudUrlSchema,
  CoveyError,
  checkDocument,
  DeviceServingSchema,
  type ErrorCode,
  type InferenceAccess,
  type InferenceAddresses,
  type InferenceObserving,
  type InferencePorts,
} from '@covey/protocol';
import { Command, InvalidArgumentError, Option } from 'commander';
import { lockFolder } from '../folder/lock.ts';
import { readSettingsFile } from '../folder/settings-file.ts';
import { sweepInbox } from '../parcel/install.ts';
import { systemPorts } from '../ports.ts';
import { softwareTools } from '../software/tools.ts';
import { coveyVersion } from '../version.ts';
import { durationOption, wholeNumber } from './command.ts';
import { sizeOption, timeZoneOption } from './delivery-options.ts';
import { runService } from './service.ts';

export const defaultDeviceFolder = '/var/lib/covey';

interface AgentOptions {
  data: string;
  host: string;
  tlsCert?: string;
  tlsKey?: string;
  tokens?: string;
  allowOrigin: string[];
  port: number;
  grpcPort?: number | 'off';
  tensorflowServingPort?: number;
  metrics: number;
  summaries: number;
  flush: number;
  warmSpare: boolean;
  metered: boolean;
  timeZone?: string;
  bundleQuota?: number;
  scrub?: number;
  slow?: number;
  otlpEndpoint?: string;
  serving?: string;
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
  const command = new Command('agent')
    .description('run the device daemon: serves models to local applications, follows the controller')
    .option('--data <folder>', 'data folder of the device, made by `covey enroll`', defaultDeviceFolder)
    .option(
      '--host <address>',
      'address of the inference API; one that is not loopback, such as 0.0.0.0, is served beside it, and needs --tls-cert, --tls-key and --tokens',
      '127.0.0.1',
    )
    .option(
      '--tls-cert <file>',
      'certificate of this device for callers on other machines (PEM, with its chain)',
    )
    .option('--tls-key <file>', 'its private key (PEM)')
    .option('--tokens <file>', 'callers and their limits; see `covey inference-token create`')
    .option(
      '--allow-origin <origin>',
      'pages in a browser on this device that may call, such as http://localhost:3000 (repeatable); default: none',
      originOption,
      [],
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
    .option(
      '--serving <file>',
      'how requests go to the versions that this device holds, and what it has of named resources; see the README of @covey/runtime',
    );
  return withDelivery(withObserving(command)).action(run);
}

/** What is told of how this device serves, where and how often. */
function withObserving(command: Command): Command {
  return command
    .addOption(
      durationOption(
        '--slow <duration>',
        'slower requests are logged; default: three times what 99 % of a model’s requests take, and 100 ms at least',
      ),
    )
    .option(
      '--otlp-endpoint <url>',
      'where traces are sent, an OTLP/HTTP collector such as http://127.0.0.1:4318; https, or this machine; default: no traces',
    )
    .addOption(durationOption('--metrics <duration>', 'how often metrics are reported', '30s'))
    .addOption(durationOption('--summaries <duration>', 'length of the windows that are summarized', '5m'))
    .addOption(durationOption('--flush <duration>', 'how often telemetry is written to disk and sent', '10s'))
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
}

/** How models come to this device, and what they may take of its disk. */
function withDelivery(command: Command): Command {
  return command
    .option('--metered', 'the connection costs by the byte, unless `covey network` says otherwise', false)
    .option('--time-zone <name>', 'of maintenance windows; default: that of this machine', timeZoneOption)
    .option(
      '--bundle-quota <size>',
      'most that models may take of the disk, such as 2GB; default: all but a reserve',
      sizeOption,
    )
    .option(
      '--scrub <size>',
      'what is read in a day of the models on the disk, to find what it has lost; default: 1GB',
      sizeOption,
    );
}

async function run(options: AgentOptions): Promise<void> {
  const folder = resolve(options.data);
  const access = accessOf(options, folder);
  const observing = observingOf(options);
  const serving =
    options.serving === undefined ? undefined : readSettingsFile(options.serving, DeviceServingSchema);
  const software = softwareTools(folder);
  await runService<AgentReady>(async () => {
    const ports = systemPorts(options.logLevel, folder);
    const agent = createAgent(ports, {
      folder,
      agentVersion: coveyVersion,
      ...(software && { software }),
      runtimeModule: import.meta.resolve('@covey/runtime/process'),
      probeModule: import.meta.resolve('@covey/runtime/probe'),
      inference: {
        host: access?.network ? loopback : options.host,
        ...(access && { access }),
        ...(options.allowOrigin.length > 0 && { origins: options.allowOrigin }),
        ...portsOf(options),
      },
      warmSpare: options.warmSpare,
      isMetered: options.metered,
      ...(options.timeZone !== undefined && { timeZone: options.timeZone }),
      ...(options.bundleQuota !== undefined && { bundleQuotaBytes: options.bundleQuota }),
      ...(options.scrub !== undefined && { scrubBytesPerDay: options.scrub }),
      observing,
      ...(serving && { serving }),
      intervals: {
        metricsMs: options.metrics,
        summaryMs: options.summaries,
        telemetryFlushMs: options.flush,
      },
    });
    // Before the lock, which is a file in the folder: somebody else's is left as it is.
    await openDeviceFolder(systemDisk, folder);
    const lock = lockFolder(folder, join(folder, 'lock'));
    await sweepInbox(ports.disk, ports.log, folder);
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

const loopback = '127.0.0.1';

/** Undefined: programs on this machine alone, without limits. Errors: INVALID_ARGUMENT. */
function accessOf(options: AgentOptions, folder: string): InferenceAccess | undefined {
  const { host, tlsCert, tlsKey, tokens } = options;
  const usagePath = join(folder, 'inference-usage.json');
  if ([loopback, '::1', 'localhost'].includes(host)) {
    if (tlsCert !== undefined || tlsKey !== undefined) {
      throw new CoveyError(
        'INVALID_ARGUMENT',
        '--tls-cert and --tls-key go with a --host that is not loopback',
      );
    }
    return tokens === undefined ? undefined : { tokensPath: resolve(tokens), usagePath };
  }
  if (tlsCert === undefined || tlsKey === undefined || tokens === undefined) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${host} is not loopback: other machines are served over TLS, with --tls-cert and --tls-key, to callers with --tokens`,
    );
  }
  const network = { host, certificatePath: resolve(tlsCert), keyPath: resolve(tlsKey) };
  return { tokensPath: resolve(tokens), usagePath, network };
}

/** Errors: INVALID_DOCUMENT (an endpoint that others could read on the way). */
function observingOf({ slow, otlpEndpoint }: AgentOptions): InferenceObserving {
  return {
    ...(slow !== undefined && { slowRequestMs: slow }),
    ...(otlpEndpoint !== undefined && {
      otlpUrl: checkDocument(CloudUrlSchema, otlpEndpoint, '--otlp-endpoint'),
    }),
  };
}

function originOption(text: string, before: string[]): string[] {
  if (!URL.canParse(text) || new URL(text).origin !== text) {
    throw new InvalidArgumentError('An origin is scheme, host and port alone, as in http://localhost:3000.');
  }
  return [...before, text];
}

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

/** What is told at once: trying again does not help before somebody has done something. */
const startFaults = [
  'PORT_IN_USE',
  'INVALID_ARGUMENT',
  'INVALID_DOCUMENT',
  'WIRE_MALFORMED',
  'PAYLOAD_TOO_LARGE',
];

/** The addresses of the inference API once it listens. Errors: those of `startFaults`; the agent is stopped then. */
async function inferenceApiUp(agent: Agent): Promise<InferenceAddresses> {
  for (;;) {
    const runtime = agent.status()?.runtime;
    if (runtime?.addresses) return runtime.addresses;
    const { lastError } = runtime ?? {};
    if (lastError && startFaults.includes(lastError.code)) {
      await agent.stop();
      throw new CoveyError(lastError.code as ErrorCode, lastError.message);
    }
    await sleep(startPollMs);
  }
}
