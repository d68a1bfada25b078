import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '@covey/ports';
import type { Authorities } from './authorities.ts';

/** PEM texts. */
export interface ServerCredentials {
  /** Every authority whose devices are believed. */
  ca: string;
  certificate: string;
  key: string;
}

/** The server's certificate over the controller's life. */
export interface ServerKeeper {
  readonly credentials: ServerCredentials;
  onChange(listener: (server: ServerCredentials) => void): void;
  renew(): Promise<void>;
  /** Does nothing before half of the certificate's life is over. */
  renewWhenDue(): Promise<void>;
}

/** `deviceCaPem`: authorities of devices besides the own ones. `names`: besides localhost, 127.0.0.1, ::1 and the host's name. */
export async function createServerCredentials(
  authorities: Authorities,
  deviceCaPem: string,
  names: readonly string[],
  clock: Clock,
): Promise<ServerKeeper> {
  const allNames = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...names])];
  const listeners: ((server: ServerCredentials) => void)[] = [];
  const issue = async () => ({
    ca: `${authorities.pem}${deviceCaPem}`,
    ...(await authorities.serving.issueServer(allNames, clock.now())),
  });
  let credentials = await issue();
  const renew = async () => {
    credentials = await issue();
    for (const listener of listeners) listener(credentials);
  };
  return {
    get credentials() {
      return credentials;
    },
    onChange: (listener) => void listeners.push(listener),
    renew,
    renewWhenDue: async () => {
      const { validFromDate, validToDate } = new X509Certificate(credentials.certificate);
      if (clock.now() >= (validFromDate.getTime() + validToDate.getTime()) / 2) await renew();
    },
  };
}
