export type { Bus, MessageHandler, Refusal } from './bus.ts';
export { type EmbeddedBus, type EmbeddedBusOptions, embeddedBus } from './embedded.ts';
export type { Upgrade } from './web-socket.ts';
