export type { Bus, MessageHandler, Refusal, RefusalReason } from './bus.ts';
export { type EmbeddedBusOptions, embeddedBus } from './embedded.ts';
