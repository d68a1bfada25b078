import { limits } from './limits.ts';

const plainName = /^(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/;
const parts = /^(?<host>[^:[\]]+|\[[0-9a-fA-F:.]+\])(?::(?<port>[1-9]\d{0,4}))?\/?$/;

/**
 * Whether `text` is an address at which a device can reach a controller: `scheme://`, a plain host name or an IP address, a port
 * from 1 to 65535 where one is given, and nothing else. Both sides ask this: what a controller takes no device refuses.
 */
export function isControllerAddress(text: string, scheme: 'mqtts' | 'https'): boolean {
  const prefix = `${scheme}://`;
  if (text.length > limits.urlChars || !text.startsWith(prefix)) return false;
  const rest = text.slice(prefix.length);
  const { host = '' } = parts.exec(rest)?.groups ?? {};
  // As https: of other schemes the URL standard checks neither host nor port so closely.
  const url = URL.parse(`https://${rest}`);
  if (!host || !url) return false;
  const name = host.toLowerCase();
  // A host that is read as another one than it says (0x7f.1, 127.1) is not plain.
  return host.startsWith('[') || (plainName.test(name) && url.hostname === name);
}
