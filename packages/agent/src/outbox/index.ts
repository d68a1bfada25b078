export { type Outbox, openOutbox } from './outbox.ts';
