/* Apart from the rest: it brings Node's HTTP and TLS along, which a thread that runs a model starts sooner without. */
export { mqttLink, type Network, network, nodeFetch } from './real/network.ts';
export { type HttpProxy, isProxied, tunnel } from './real/proxy.ts';
export { connectTls } from './real/tls.ts';
