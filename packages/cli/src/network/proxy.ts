import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpProxy, type Network, network } from '@covey/ports/network';
import { CoveyError, checkDocument, parseJson } from '@covey/protocol';
import * as v from 'valibot';

const fileName = 'proxy.json';

const ProxyUrlSchema = v.pipe(
  v.string(),
  v.url('an address such as http://proxy.example:3128'),
  v.check((text) => /^https?:$/.test(new URL(text).protocol), 'http:// or https://'),
  v.check(
    (text) => new URL(text).username === '',
    'without a user name: that goes into a file, with --credentials-file',
  ),
);

/** The setting in a device's data folder. `url` null: no proxy, whatever the environment says. */
const ProxySettingSchema = v.object({
  url: v.nullable(ProxyUrlSchema),
  /** Holds `user:password` in one line. */
  credentialsFile: v.optional(v.string()),
  bypass: v.array(v.string()),
});
export type ProxySetting = v.InferOutput<typeof ProxySettingSchema>;

/** Through which proxy a device, or a command, reaches the controller, and who said so. */
export interface ProxyChoice {
  proxy: HttpProxy | undefined;
  source: 'folder' | 'environment' | 'none';
}

/** Errors: INVALID_DOCUMENT (a setting that is none), NOT_FOUND (no credentials file). */
export function chooseProxy(folder: string | undefined): ProxyChoice {
  const setting = folder === undefined ? undefined : readProxySetting(folder);
  if (setting) return { proxy: proxyOf(setting), source: 'folder' };
  const proxy = proxyOfEnvironment(process.env);
  return { proxy, source: proxy ? 'environment' : 'none' };
}

/** HTTP and MQTT as the folder's setting has it, or else the environment (HTTPS_PROXY, NO_PROXY). Errors: as `chooseProxy`. */
export function networkOf(folder: string | undefined): Network {
  return network(chooseProxy(folder).proxy);
}

function readProxySetting(folder: string): ProxySetting | undefined {
  const path = join(folder, fileName);
  if (!existsSync(path)) return undefined;
  return checkDocument(ProxySettingSchema, parseJson(readFileSync(path), path), path);
}

/** Errors: INVALID_DOCUMENT. */
export function writeProxySetting(folder: string, setting: ProxySetting): void {
  const checked = checkDocument(ProxySettingSchema, setting, 'proxy');
  if (checked.url !== null) proxyOf(checked);
  writeFileSync(join(folder, fileName), `${JSON.stringify(checked, null, 2)}\n`, { mode: 0o600 });
}

export function removeProxySetting(folder: string): void {
  rmSync(join(folder, fileName), { force: true });
}

function proxyOf({ url, credentialsFile, bypass }: ProxySetting): HttpProxy | undefined {
  if (url === null) return undefined;
  return {
    url,
    bypass,
    ...(credentialsFile !== undefined && { credentials: readCredentials(credentialsFile) }),
  };
}

function readCredentials(path: string): { user: string; password: string } {
  if (!existsSync(path)) throw new CoveyError('NOT_FOUND', `there is no credentials file ${path}`);
  const [line = ''] = readFileSync(path, 'utf8').split('\n');
  const colon = line.indexOf(':');
  if (colon < 1)
    throw new CoveyError('INVALID_DOCUMENT', `${path} does not hold user:password in its first line`);
  return { user: line.slice(0, colon), password: line.slice(colon + 1).replace(/\r$/, '') };
}

/** As other programs read them: lower case wins, credentials may be in the address, NO_PROXY lists exceptions. */
export function proxyOfEnvironment(environment: NodeJS.ProcessEnv): HttpProxy | undefined {
  const text = environment.https_proxy || environment.HTTPS_PROXY;
  if (!text) return undefined;
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme))
    throw new CoveyError('INVALID_ARGUMENT', 'HTTPS_PROXY is no address such as http://proxy.example:3128');
  const { protocol, host, username, password } = new URL(withScheme);
  const credentials = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  return {
    url: `${protocol}//${host}`,
    bypass: (environment.no_proxy || environment.NO_PROXY || '').split(/[\s,]+/).filter(Boolean),
    ...(username !== '' && { credentials }),
  };
}
