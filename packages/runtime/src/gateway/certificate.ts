import { createSecureContext, type SecureVersion, type Server } from 'node:tls';
import type { Clock, Log } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { readGuarded, watchFiles } from './files.ts';

/** What a server of TLS is made with. */
export interface ServerTls {
  cert: Buffer;
  key: Buffer;
  minVersion: SecureVersion;
  handshakeTimeout: number;
}

/** A certificate and its key, from files that may be replaced at any time. */
export interface Certificate {
  tls(): ServerTls;
  /** New connections to `server` get the certificate that is current; those that are open stay. */
  follow(server: Server): void;
  close(): void;
}

const pemBytes = 256 * 1024;
const handshakeMs = 10_000;

/** Errors: INVALID_ARGUMENT when the files are no certificate with its key, or the key is anybody's. */
export async function openCertificate(
  { clock, log }: { clock: Clock; log: Log },
  { certificatePath, keyPath }: { certificatePath: string; keyPath: string },
): Promise<Certificate> {
  const read = async (): Promise<ServerTls> => {
    const [cert, key] = await Promise.all([
      readGuarded(certificatePath, pemBytes, 0),
      readGuarded(keyPath, pemBytes, 0o007),
    ]);
    const tls: ServerTls = { cert, key, minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs };
    try {
      createSecureContext(tls);
    } catch (cause) {
      const why = `${certificatePath} and ${keyPath} are no certificate with its key: ${(cause as Error).message}`;
      throw new CoveyError('INVALID_ARGUMENT', why, { cause });
    }
    return tls;
  };
  let current = await read();
  const servers: Server[] = [];
  const stop = await watchFiles(clock, [certificatePath, keyPath], async () => {
    try {
      current = await read();
      for (const server of servers) server.setSecureContext(current);
      log.write('info', 'the certificate has been read again');
    } catch (error) {
      // Half replaced, or broken: what served goes on serving.
      log.write('warn', 'the certificate has changed and is not taken', {
        message: (error as Error).message,
      });
    }
  });
  return { tls: () => current, follow: (server) => servers.push(server), close: stop };
}
