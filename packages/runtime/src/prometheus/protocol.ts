import { type Answer, checkMethod, errorAnswer, type HttpProtocol } from '../http/index.ts';
import { metricsText } from './metrics.ts';

/** `GET /metrics`, for Prometheus and whatever reads its text format. */
export const prometheus: HttpProtocol = {
  owns: ([root]) => root === 'metrics',
  route: (method, path) => {
    if (path.length > 1) return undefined;
    checkMethod(method, path, 'GET');
    return {
      kind: 'query',
      reach: 'models',
      answer: (engine) => answer(metricsText(engine.statistics(), engine.figures())),
    };
  },
  errorAnswer: (error) => errorAnswer(error, { error: error.message }),
};

function answer(text: string): Answer {
  const bytes = Buffer.from(text, 'utf8');
  const headers = {
    'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    'content-length': bytes.byteLength,
  };
  return { status: 200, headers, body: [bytes] };
}
