import {
  CoveyError,
  canonicalJson,
  checkDocument,
  checkPipeline,
  isSoftware,
  limits,
  type Manifest,
  ManifestSchema,
  outputsOf,
  parseDocument,
} from '@covey/protocol';

/** Canonical JSON of a manifest: what publishers sign for. Errors: PAYLOAD_TOO_LARGE. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const bytes = new TextEncoder().encode(canonicalJson(manifest));
  if (bytes.byteLength > limits.manifestBytes) {
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `manifest has ${bytes.byteLength} bytes, the limit is ${limits.manifestBytes}`,
    );
  }
  return bytes;
}

/** Errors: WIRE_MALFORMED, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT. */
export function parseManifest(bytes: Uint8Array): Manifest {
  return checkManifest(parseDocument(ManifestSchema, bytes, 'manifest', limits.manifestBytes));
}

/** The shape, and what a shape cannot say: names meet, sizes add up, the files fit a folder. Errors: INVALID_DOCUMENT. */
export function checkManifest(value: unknown): Manifest {
  const manifest = checkDocument(ManifestSchema, value, 'manifest');
  checkPaths(manifest);
  checkKind(manifest);
  checkChunks(manifest);
  checkUnique(
    'variant',
    manifest.variants.map(({ name }) => name),
  );
  const { inputs, outputs } = manifest.schema;
  checkUnique(
    'input',
    inputs.map(({ name }) => name),
  );
  checkUnique(
    'output',
    outputs.map(({ name }) => name),
  );
  for (const { name, tolerances } of manifest.variants) {
    const unknown = tolerances
      .flatMap(outputsOf)
      .find((named) => !outputs.some((spec) => spec.name === named));
    if (unknown !== undefined)
      throw wrong(`variant "${name}": "${unknown}", named by a tolerance, is no output of the schema`);
  }
  const classified = manifest.classification?.output;
  if (classified !== undefined && !outputs.some(({ name }) => name === classified)) {
    throw wrong(`classification: "${classified}" is no output of the schema`);
  }
  checkNames(manifest);
  const { model, schema, classification, pipeline } = manifest;
  // What other models take and give shows when they are deployed beside this one.
  if (pipeline) checkPipeline(pipeline, { model, schema, classification, schemaOf: () => undefined });
  return manifest;
}

/** What a pipeline calls has to be depended on, so that no release leaves it out. */
function checkNames({ model, pipeline, provides = [], depends = [] }: Manifest): void {
  checkUnique('provided name', [model, ...provides]);
  const names = depends.map(({ name }) => name);
  checkUnique('dependency', names);
  if (names.includes(model)) throw wrong(`${model} depends on itself`);
  for (const stage of pipeline?.stages ?? []) {
    const called = stage.kind === 'model' ? stage.model : undefined;
    if (called !== undefined && called !== model && !names.includes(called))
      throw wrong(`the pipeline calls ${called}, which is not among what it depends on`);
  }
}

/** A model can be loaded, software can be started; the name says which, so that nobody has to look. */
function checkKind({ model, schema, variants, software }: Manifest): void {
  const modelParts = [variants, schema.inputs, schema.outputs];
  if (software !== undefined) {
    if (!isSoftware(model)) throw wrong(`"${model}" is no name of the agent's software`);
    if (modelParts.some(({ length }) => length > 0)) throw wrong('software has no variants and no schema');
    return;
  }
  if (isSoftware(model)) throw wrong(`the name "${model}" is kept for the agent's software`);
  if (modelParts.some(({ length }) => length === 0))
    throw wrong('a model has inputs, outputs and a variant at least');
}

function checkPaths({ files, variants, software, golden, reference, evaluation }: Manifest): void {
  // Case folded: on some file systems, names that differ in case are one file.
  const paths = files.map(({ path }) => path.toLowerCase());
  checkUnique('file', paths);
  const folders = new Set(paths.flatMap(foldersOf));
  const both = paths.find((path) => folders.has(path));
  if (both !== undefined) throw wrong(`files: "${both}" is both a file and a folder`);
  for (const path of [...variants.map(({ file }) => file), software, golden, reference, evaluation]) {
    if (path !== undefined && !files.some((file) => file.path === path)) {
      throw wrong(`"${path}" is not among the files`);
    }
  }
}

/** `a/b` of `a/b/c`, and `a`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function checkChunks({ files }: Manifest): void {
  const sizes = new Map<string, number>();
  for (const file of files) {
    const sum = file.chunks.reduce((total, chunk) => total + chunk.sizeBytes, 0);
    if (sum !== file.sizeBytes) {
      throw wrong(`files: the chunks of "${file.path}" have ${sum} bytes, the file ${file.sizeBytes}`);
    }
    for (const chunk of file.chunks) {
      const known = sizes.get(chunk.sha256) ?? chunk.sizeBytes;
      if (known !== chunk.sizeBytes) throw wrong(`files: chunk ${chunk.sha256} is given two sizes`);
      sizes.set(chunk.sha256, known);
    }
  }
}

function checkUnique(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw wrong(`${what} "${twice}" appears twice`);
}

function wrong(what: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `manifest: ${what}`);
}
