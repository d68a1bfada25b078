import { startExecutor } from './executor/index.ts';
import { identityModel, modelFolder } from './testing/models.ts';
import { systemClock, streamLog } from '@covey/ports';
const f = await modelFolder();
const path = await f.write('c.onnx', identityModel("INT64",[]));
const schema = { inputs: [{name:'x',datatype:'INT64' as const,shape:[]}], outputs:[{name:'y',datatype:'INT64' as const,shape:[]}] };
const e = await startExecutor({ path, schema, clock: systemClock, log: streamLog(process.stderr, systemClock,'info'), runTimeoutMs: 500, maxPending: 4 });
const run = async (n: bigint) => { const t=performance.now(); try { const r = await e.run({x:{datatype:'INT64',shape:[],data:new Uint8Array(new BigInt64Array([n]).buffer)}}); return [r.runMs, r.outputs.y]; } catch (x) { return [performance.now()-t, String(x)]; } };
console.log(await run(3n)); console.log(await run(10000n)); 
const p = [run(1n), run(3n)];
const keep=setInterval(()=>{},1000);
console.log(await Promise.all(p));
console.log(await run(3n));
for(;;){ const r=await run(3n); if(typeof r[1]==='object'){console.log('back',r);break;} await new Promise(r=>setTimeout(r,20)); }
await f.remove();
console.log('exiting'); process.exit(0);
