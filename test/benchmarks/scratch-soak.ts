import { writeFileSync } from 'node:fs';
import { writeModel } from '@covey/onnx';
import { mlp } from './quantize.ts';
import { soakFigures } from './soak.ts';
writeFileSync('/tmp/mlp-soak.onnx', writeModel(mlp(-1)));
console.log(JSON.stringify(await soakFigures('/tmp/mlp-soak.onnx',1024)));
