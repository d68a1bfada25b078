import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { LogLevel } from '@covey/ports';
import { Command, Option } from 'commander';
import { type ConnectionFile, connectionFilePath } from '../client/connection.ts';
import { lockFolder } from '../folder/lock.ts';
import { systemPorts } from '../ports.ts';
import { createOutput } from '../terminal/output.ts';
import { defaultDataFolder, wholeNumber } from './command.ts';
import { deviceAuthorityOf } from './device-authority.ts';
import { runService } from './service.ts';

interface ControllerOptions {
  data: string;
  host: string;
  name?: string[];
  port: number;
  mqttPort: number;
  devicePort: number;
  clones: 'report' | 'quarantine';
  deviceCa?: string;
  deviceCaCommand?: string;
  deviceIdFrom: 'cn' | 'dns' | 'uri';
  logLevel: LogLevel;
}

/** What a controller tells the process that started it. */
export interface ControllerReady {
  url: string;
  mqttUrl: string;
  deviceUrl: string;
}

/** `covey controller`: the control plane, with its broker and database inside. */
export function controllerCommand(): Command {
  return new Command('controller')
    .description('run the control plane, with its MQTT broker and database inside')
    .option('--data <folder>', 'data folder', defaultDataFolder)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--name <host>',
      'a name devices reach this machine by; may be repeated',
      (name: string, before: string[] = []) => [...before, name],
    )
    .option('--port <port>', 'admin API and enrolment; 0: any that is free', wholeNumber(0, 65_535), 8080)
    .option('--mqtt-port <port>', 'MQTT for devices', wholeNumber(0, 65_535), 8883)
    .option('--device-port <port>', 'bundles for devices', wholeNumber(0, 65_535), 8443)
    .addOption(
      new Option('--clones <policy>', 'what follows when two machines use the identity of one device')
        .choices(['report', 'quarantine'])
        .default('report'),
    )
    .option('--device-ca <file>', 'your own certificate authority for devices (PEM), beside the one in here')
    .option(
      '--device-ca-command <command>',
      'makes devices’ certificates by it: gets the request on standard input and the device id in COVEY_DEVICE, answers with PEM',
    )
    .addOption(
      new Option('--device-id-from <part>', 'what of a certificate by --device-ca names the device')
        .choices(['cn', 'dns', 'uri'])
        .default('cn'),
    )
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(run);
}

async function run(options: ControllerOptions): Promise<void> {
  const data = resolve(options.data);
  const folder = join(data, 'controller');
  // Only here: the control plane is large, and other commands start faster without it.
  const { createController } = await import('@covey/controller');
  await runService<ControllerReady>(async () => {
    const lock = lockFolder(folder, join(data, 'controller.lock'));
    const controller = createController({
      ports: systemPorts(options.logLevel),
      folder,
      listen: {
        host: options.host,
        adminPort: options.port,
        mqttPort: options.mqttPort,
        devicePort: options.devicePort,
      },
      names: options.name ?? [],
      clonePolicy: options.clones,
      ...deviceAuthorityOf(options),
      version: '0.1.0',
    });
    const { adminUrl, mqttUrl, deviceUrl } = await controller.start();
    tellCommands(data, {
      url: adminUrl,
      caPath: join(folder, 'ca', 'ca.pem'),
      tokenPath: join(folder, 'admin.token'),
    });
    if (process.send === undefined)
      createOutput(false).progress(`controller at ${adminUrl}, API at ${adminUrl}/docs`);
    const service = {
      stop: async () => {
        await controller.stop();
        lock.release();
      },
    };
    return { service, ready: { url: adminUrl, mqttUrl, deviceUrl } };
  });
}

/** Commands on this machine find the controller by this file. */
function tellCommands(data: string, connection: ConnectionFile): void {
  const path = connectionFilePath(data);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(connection, null, 2)}\n`);
}
