import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { noFolder } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { publisherRootPath } from '../publish/keys.ts';

/** How a command reaches the controller. `ca` is PEM; undefined: the system's trust store. */
export interface Connection {
  url: string;
  token: string;
  ca?: string;
  /** Root metadata that the publisher on this machine keeps. */
  publisherRoot?: Uint8Array;
}

export interface ConnectionOptions {
  data: string;
  url?: string;
  ca?: string;
  tokenFile?: string;
}

const fileName = 'client.json';

/** What the controller leaves in its data folder so that commands on the same machine find it. Paths are absolute. */
export interface ConnectionFile {
  url: string;
  caPath: string;
  tokenPath: string;
}

export function connectionFilePath(dataFolder: string): string {
  return join(resolve(dataFolder), fileName);
}

/**
 * From --url, --ca and --token-file, or from the data folder of a controller on this machine. Tokens come from files only:
 * arguments and environments show up in process lists.
 * Errors: NOT_FOUND when there is neither, naming both ways; DATA_FOREIGN (the data folder is a file).
 */
export function findConnection(options: ConnectionOptions): Connection {
  const rootPath = publisherRootPath(options.data);
  const root = existsSync(rootPath) ? { publisherRoot: readFileSync(rootPath) } : {};
  return { ...connectionOf(options), ...root };
}

function connectionOf(options: ConnectionOptions): Connection {
  if (options.url !== undefined) {
    if (options.tokenFile === undefined) {
      throw new CoveyError(
        'INVALID_ARGUMENT',
        '--url needs --token-file, the file that holds the bearer token',
      );
    }
    return {
      url: options.url,
      token: read(options.tokenFile, 'token file').trim(),
      ...(options.ca !== undefined && { ca: read(options.ca, 'CA file') }),
    };
  }
  const path = connectionFilePath(options.data);
  const text = read(
    path,
    'controller',
    `no controller has run with the data folder ${resolve(options.data)}; give --data, or --url with --ca and --token-file`,
  );
  const file = JSON.parse(text) as ConnectionFile;
  return {
    url: file.url,
    token: read(file.tokenPath, 'token file').trim(),
    ca: read(file.caPath, 'CA file'),
  };
}

function read(path: string, what: string, absent = `there is no ${what} ${path}`): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const message = missing ? absent : `cannot read ${path}: ${(cause as Error).message}`;
    throw noFolder(cause) ?? new CoveyError('NOT_FOUND', message, { cause });
  }
}
