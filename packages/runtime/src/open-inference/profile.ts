import { CoveyError } from '@covey/protocol';
import type { Engine, Selector } from '../engine/index.ts';
import { type Answer, jsonAnswer, parseJson } from '../http/index.ts';

const defaultSeconds = 5;
const mostSeconds = 60;
const operatorsShown = 20;

/**
 * `POST /v2/models/{m}/profile`, our own: `{"seconds": 5}` to where the model's time goes, by operator, and ONNX Runtime's own
 * trace. Errors: INVALID_DOCUMENT, CONFLICT, and those of Engine.profile.
 */
export async function profileAnswer(engine: Engine, selector: Selector, json: Buffer): Promise<Answer> {
  const document = json.byteLength === 0 ? {} : parseJson(json, 'profile request', false);
  const { seconds = defaultSeconds } = (document ?? { seconds: null }) as { seconds?: unknown };
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= mostSeconds)) {
    throw new CoveyError(
      'INVALID_DOCUMENT',
      `profile request: seconds must be above 0, at most ${mostSeconds}`,
    );
  }
  const { model, profile } = await engine.profile(selector, seconds * 1_000);
  return jsonAnswer({
    model_name: model.ref.model,
    model_version: model.ref.version,
    variant: model.variant,
    provider: model.provider,
    runs: profile.runs,
    mean_run_ms: profile.meanRunMs,
    operators: profile.operators.slice(0, operatorsShown).map(({ totalMs, ...operator }) => ({
      ...operator,
      total_ms: totalMs,
    })),
    trace: JSON.parse(profile.trace),
  });
}
