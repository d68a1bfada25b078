import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ControllerOptions } from '@covey/controller';
import { CoveyError, limits } from '@covey/protocol';

interface DeviceAuthorityFlags {
  deviceCa?: string;
  deviceCaCommand?: string;
  deviceIdFrom: 'cn' | 'dns' | 'uri';
}

const timeoutMs = 30_000;

/** What the options of `covey controller` say of an enterprise's own authority. Errors: INVALID_ARGUMENT. */
export function deviceAuthorityOf({
  deviceCa,
  deviceCaCommand,
  deviceIdFrom,
}: DeviceAuthorityFlags): Pick<ControllerOptions, 'deviceAuthority'> {
  if (deviceCa === undefined) {
    if (deviceCaCommand === undefined) return {};
    throw new CoveyError(
      'INVALID_ARGUMENT',
      '--device-ca-command needs --device-ca: what it makes is checked by that',
    );
  }
  return {
    deviceAuthority: {
      caPem: readFileSync(deviceCa, 'utf8'),
      idFrom: deviceIdFrom,
      ...(deviceCaCommand !== undefined && {
        issue: (csrPem, device) => certificateBy(deviceCaCommand, csrPem, device),
      }),
    },
  };
}

/** Has the shell run the command. Errors: CA_FAILED, with its last words. */
export function certificateBy(command: string, csrPem: string, device: string): Promise<string> {
  const failure = (what: string) =>
    new CoveyError('CA_FAILED', `the certificate authority's command ${what}`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      env: { ...process.env, COVEY_DEVICE: device },
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length <= limits.certificatesChars) output[name] += text;
      });
    child.once('error', (error) => reject(failure(`cannot be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0 && output.stdout.length <= limits.certificatesChars) return resolve(output.stdout);
      const words = output.stderr.trim().split('\n').at(-1)?.slice(0, 500) || 'without a word';
      reject(failure(code === 0 ? 'answers with too much' : `ended with ${signal ?? code}: ${words}`));
    });
    // A command that reads nothing has its own reason.
    child.stdin.on('error', () => {}).end(csrPem);
  });
}
