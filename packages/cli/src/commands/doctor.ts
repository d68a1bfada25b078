import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CoveyError } from '@covey/protocol';
import { Command } from 'commander';
import { examine, type Finding } from '../doctor/check.ts';
import { machineChecks } from '../doctor/machine.ts';
import { networkChecks } from '../doctor/network.ts';
import { lockFolder } from '../folder/lock.ts';
import { exitCodes } from '../terminal/exit-codes.ts';
import { createOutput, type Output } from '../terminal/output.ts';
import { defaultDeviceFolder } from './agent.ts';
import { wholeNumber } from './command.ts';

interface DoctorOptions {
  data: string;
  port: number;
  json: boolean;
}

/** `covey doctor`: what is wrong with this device, step by step. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'examine this device, from its data folder to its controller; exits with 1 when something fails',
    )
    .option('--data <folder>', 'data folder of the device', defaultDeviceFolder)
    .option('--port <port>', 'port of the inference API, if not the usual one', wholeNumber(1, 65_534), 8000)
    .option('--json', 'print JSON', false)
    .action(run);
}

async function run({ data, port, json }: DoctorOptions): Promise<void> {
  const output = createOutput(json);
  const folder = resolve(data);
  const lock = lockIfFree(folder);
  const patient = {
    folder,
    ports: [port, port + 1],
    probeModule: import.meta.resolve('@covey/runtime/probe'),
    isRunning: lock === 'held',
  };
  try {
    const checks = [...machineChecks, ...networkChecks];
    const findings = await examine(patient, checks, (finding) => {
      if (!json) output.result(finding, line(finding, output));
    });
    const isWell = findings.every(({ status }) => status !== 'failed');
    if (json) output.result({ ok: isWell, checks: findings }, '');
    if (!isWell) process.exitCode = exitCodes.failed;
  } finally {
    if (lock && lock !== 'held') lock.release();
  }
}

/** Held while examining, so that no agent starts meanwhile. A folder that is not there is left so. */
function lockIfFree(folder: string): { release(): void } | 'held' | undefined {
  if (!existsSync(join(folder, 'covey.json'))) return undefined;
  try {
    return lockFolder(folder, join(folder, 'lock'));
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'DATA_LOCKED') return 'held';
    throw error;
  }
}

const styles = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'dim' } as const;

function line({ name, status, message, remedy, code }: Finding & { name: string }, output: Output): string {
  const head = `${output.style(styles[status], status.padEnd(8))} ${name.padEnd(12)} ${message}`;
  if (remedy === undefined) return head;
  return `${head}\n${' '.repeat(22)}${remedy}${code === undefined ? '' : ` [${code}]`}`;
}
