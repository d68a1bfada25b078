import { openSession } from './executor/index.ts';
import { countingModel, identityModel, addModel, schemaOf, modelFolder } from './testing/models.ts';
const f = await modelFolder();
for (const [n,m,s] of [['id',identityModel('INT64',[]),schemaOf('INT64',[])],['add',addModel(2,[2]),schemaOf('FP32',[2])],['count',countingModel(),schemaOf('INT64',[])]] as const) {
const path = await f.write('c.onnx', m);
const s2 = await openSession(path, s);
const t=performance.now();
console.log(n, s.inputs[0]!.datatype==='INT64' ? await s2.run({x:{datatype:'INT64',shape:[],data:new Uint8Array(new BigInt64Array([3n]).buffer)}}) : await s2.run({x:{datatype:'FP32',shape:[2],data:new Uint8Array(8)}}), performance.now()-t);
}
await f.remove();
