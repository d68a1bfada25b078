import { spawn } from 'node:child_process';
import { keysNamed, pemSigner, type Signer, signerAmong, type TufKey } from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Client } from '../client/client.ts';
import { fileSigner, passphraseOf } from './keys.ts';
import { readInForce } from './trust.ts';

/** How `--key` names a key; the key itself is never an argument. */
export const keyHelp = 'a key file, env:VARIABLE with its PEM, or command:PROGRAM that signs stdin to stdout';

const signatureBytes = 1_024;

/**
 * The signer that a reference names: the path of a PEM file, `env:NAME`, or `command:...` for what keeps its key in an HSM or KMS.
 * `candidates`: the keys that a command's may be. Errors: NOT_FOUND, KEY_UNUSABLE.
 */
export async function openSigner(
  reference: string,
  candidates: () => Promise<readonly TufKey[]>,
): Promise<Signer> {
  if (reference.startsWith('command:')) {
    const command = reference.slice('command:'.length);
    return signerAmong((bytes) => signByCommand(command, bytes), await candidates());
  }
  if (!reference.startsWith('env:')) return fileSigner(reference);
  const name = reference.slice('env:'.length);
  const pem = process.env[name];
  if (!pem) throw new CoveyError('NOT_FOUND', `the environment has no variable ${name}`);
  return pemSigner(pem, passphraseOf(process.env));
}

/** For who signs versions: a command's key is found among those that the controller has in force. */
export function openPublisher(client: Client, reference: string): Promise<Signer> {
  return openSigner(reference, async () => {
    const { root, targets } = await readInForce(client);
    return keysNamed(root, [targets]);
  });
}

/** The bytes go to the program's standard input; its standard output is the signature. Errors: KEY_UNUSABLE. */
function signByCommand(command: string, bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'] });
    const refuse = (why: string) => reject(new CoveyError('KEY_UNUSABLE', `\`${command}\` ${why}`));
    const parts: Buffer[] = [];
    child.on('error', ({ message }) => refuse(`cannot be started: ${message}`));
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.on('close', (code) => {
      const signature = Buffer.concat(parts);
      if (code !== 0) refuse(`ended with ${code}`);
      else if (signature.byteLength === 0 || signature.byteLength > signatureBytes)
        refuse('gave no signature');
      else resolve(signature);
    });
    // A program that does not read what it is to sign is told by its exit.
    child.stdin.on('error', () => {});
    child.stdin.end(bytes);
  });
}
