export { createResponseCache, type ResponseCache } from './cache.ts';
