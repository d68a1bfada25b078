export { type InferenceHttp, serveHttp } from './server.ts';
