export { type Connection, createConnection } from './connection.ts';
export type { LinkState } from './machine.ts';
export { openRoutes, webSocketUrl } from './routes.ts';
