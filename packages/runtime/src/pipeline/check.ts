import {
  CoveyError,
  checkPipeline,
  type LoadedModel,
  type ModelSchema,
  type Pipeline,
  toCoveyError,
} from '@covey/protocol';

/** What clients of a version send and get. */
export function clientSchema({ schema, pipeline }: LoadedModel): ModelSchema {
  return pipeline ? { inputs: pipeline.inputs, outputs: pipeline.outputs } : schema;
}

/** The versions that may answer a stage, at least one. Errors: MODEL_UNKNOWN. */
export type FindVersions = (model: string, version: string | undefined) => readonly LoadedModel[];

/**
 * Checks every pipeline against the models it calls, in every version that may answer.
 * Errors: INVALID_DOCUMENT naming version and stage, also for models that call each other in a circle.
 */
export function checkPipelines(models: readonly LoadedModel[], find: FindVersions): void {
  for (const loaded of models) {
    const { ref, pipeline, schema, classification } = loaded;
    if (!pipeline) continue;
    try {
      const called = calledBy(pipeline, find);
      const most = Math.max(1, ...called.map((versions) => versions.length));
      for (let choice = 0; choice < most; choice++) {
        const schemaOf = (model: string, version: string | undefined) => {
          const versions = find(model, version);
          const found = versions[Math.min(choice, versions.length - 1)];
          return found && clientSchema(found);
        };
        checkPipeline(pipeline, { model: ref.model, schema, classification, schemaOf });
      }
      refuseCircles(pipeline, find, [ref.model]);
    } catch (cause) {
      const message = `${ref.model} ${ref.version}: ${toCoveyError(cause).message}`;
      throw new CoveyError('INVALID_DOCUMENT', message.slice(0, 1_000), { cause });
    }
  }
}

function calledBy({ stages }: Pipeline, find: FindVersions): (readonly LoadedModel[])[] {
  return stages.flatMap((stage) =>
    stage.kind === 'model' && stage.model !== undefined ? [find(stage.model, stage.version)] : [],
  );
}

function refuseCircles(pipeline: Pipeline, find: FindVersions, path: readonly string[]): void {
  for (const { ref, pipeline: inner } of calledBy(pipeline, find).flat()) {
    const longer = [...path, ref.model];
    if (path.includes(ref.model))
      throw new CoveyError('INVALID_DOCUMENT', `models call each other in a circle: ${longer.join(' > ')}`);
    if (inner) refuseCircles(inner, find, longer);
  }
}
