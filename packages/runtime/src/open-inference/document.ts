import { CoveyError, type Datatype, datatypes, limits } from '@covey/protocol';

export type Parameters = Record<string, unknown>;

export interface InputDocument {
  name: string;
  shape: number[];
  datatype: Datatype;
  parameters: Parameters | undefined;
  data: unknown;
}

/** The JSON part of POST .../infer (Open Inference Protocol v2, "Inference Request JSON Object"). */
export interface RequestDocument {
  id: string | undefined;
  parameters: Parameters | undefined;
  inputs: InputDocument[];
  outputs: { name: string; parameters: Parameters | undefined }[] | undefined;
}

const nameChars = 256;
const idChars = 1_024;

/** Checked by hand: on a device's hot path a schema library would take longer than all else here. Errors: INVALID_DOCUMENT. */
export function requestDocument(value: unknown): RequestDocument {
  const { id, parameters, inputs, outputs } = objectAt('', value);
  return {
    id: id === undefined ? undefined : textAt('id', id, idChars),
    parameters: parametersAt('parameters', parameters),
    inputs: listAt('inputs', inputs, limits.tensorsPerModel).map((input, i) => inputAt(`inputs.${i}`, input)),
    outputs:
      outputs === undefined
        ? undefined
        : listAt('outputs', outputs, limits.tensorsPerModel).map((output, i) => {
            const at = `outputs.${i}`;
            const document = objectAt(at, output);
            return {
              name: textAt(`${at}.name`, document.name, nameChars),
              parameters: parametersAt(`${at}.parameters`, document.parameters),
            };
          }),
  };
}

function inputAt(at: string, value: unknown): InputDocument {
  const { name, shape, datatype, parameters, data } = objectAt(at, value);
  if (!isDatatype(datatype)) throw fault(`${at}.datatype`, `one of ${datatypes.join(', ')}`);
  const sizes = listAt(`${at}.shape`, shape, limits.tensorRank);
  if (!sizes.every(isSize)) throw fault(`${at}.shape`, 'a list of sizes, integers from 0');
  return {
    name: textAt(`${at}.name`, name, nameChars),
    shape: sizes,
    datatype,
    parameters: parametersAt(`${at}.parameters`, parameters),
    data,
  };
}

function isDatatype(value: unknown): value is Datatype {
  return (datatypes as readonly unknown[]).includes(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parametersAt(at: string, value: unknown): Parameters | undefined {
  return value === undefined ? undefined : objectAt(at, value);
}

function objectAt(at: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw fault(at, 'an object');
}

function listAt(at: string, value: unknown, most: number): unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  throw fault(at, `a list of at most ${most}`);
}

function textAt(at: string, value: unknown, mostChars: number): string {
  if (typeof value === 'string' && value.length <= mostChars) return value;
  throw fault(at, `a text of at most ${mostChars} characters`);
}

function fault(at: string, expected: string): CoveyError {
  const what = at === '' ? 'inference request' : `inference request: ${at}`;
  return new CoveyError('INVALID_DOCUMENT', `${what} must be ${expected}`);
}
