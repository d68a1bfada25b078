export { type GrpcServer, serveInference, serveTensorflow } from './serve.ts';
