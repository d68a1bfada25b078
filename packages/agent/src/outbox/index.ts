export type { OutMessage } from './encode.ts';
export { type Outbox, type OutboxLimits, openOutbox } from './outbox.ts';
