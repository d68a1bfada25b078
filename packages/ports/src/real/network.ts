import type { Fetch, Link } from '../ports.ts';
import { networkFetch } from './fetch.ts';
import { networkLink } from './link.ts';
import type { HttpProxy } from './proxy.ts';

/** HTTP and MQTT, both through the proxy where there is one. */
export interface Network {
  fetch: Fetch;
  link: Link;
}

export function network(proxy: HttpProxy | undefined): Network {
  return { fetch: networkFetch(proxy), link: networkLink(proxy) };
}

/** Without a proxy. */
export const { fetch: nodeFetch, link: mqttLink } = network(undefined);
