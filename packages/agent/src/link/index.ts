export { type Connection, type ConnectionHandlers, createConnection } from './connection.ts';
export type { LinkState } from './machine.ts';
export { openRoutes, webSocketUrl } from './routes.ts';
export { createLinkTrial, type LinkTrial, type LinkTrialHandlers } from './trial.ts';
