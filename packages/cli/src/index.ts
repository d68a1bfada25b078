export { type Client, createClient } from './client/client.ts';
export { findConnection } from './client/connection.ts';
export { isSettled } from './commands/rollout-wait.ts';
export { fileSigner, publisherKeyPath } from './publish/keys.ts';
export { publishBundle } from './publish/publish.ts';
export { ensureTrust } from './publish/trust.ts';
export { exampleBundle } from './up/bundle.ts';
