export { type InferenceHttp, type InferenceService, serveHttp } from './server.ts';
