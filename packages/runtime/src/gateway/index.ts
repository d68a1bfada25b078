export { type BodyShare, type Caller, type Callers, LimitError, openCallers, type Reach } from './caller.ts';
export type { Certificate } from './certificate.ts';
export { type Gateway, openGateway } from './gateway.ts';
export { freePort, shareConnections } from './listening.ts';
export { createPages, type Pages } from './pages.ts';
