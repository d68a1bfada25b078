import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { openRoutes } from './routes.ts';

const identity = { mqttUrl: 'mqtts://covey:8883', deviceUrl: 'https://covey/' };
const log = { write: () => {}, component: () => log };
const newDisk = () =>
  new SimulatedDisk(simulatedWorld('routes').random('disk'), 1e6).port(async (operation) => operation());

it('tries MQTT, then WebSocket, and begins the next time with what worked', async () => {
  const disk = newDisk();
  const routes = await openRoutes({ disk, log }, '/link.json', identity);
  const tried = [routes.url];
  for (let time = 0; time < 3; time++) {
    routes.failed();
    tried.push(routes.url);
  }
  const webSocket = 'wss://covey/mqtt';
  expect(tried).toEqual(['mqtts://covey:8883', webSocket, 'mqtts://covey:8883', webSocket]);
  routes.worked();
  expect((await openRoutes({ disk, log }, '/link.json', identity)).url).toBe(webSocket);
});

it('writes nothing while the usual way works, and forgets what it cannot read', async () => {
  const disk = newDisk();
  const routes = await openRoutes({ disk, log }, '/link.json', identity);
  routes.worked();
  expect(await disk.read('/link.json')).toBeUndefined();
  for (const text of ['', '{', 'null', '{"route":"pigeon"}']) {
    await disk.write('/link.json', Buffer.from(text));
    expect((await openRoutes({ disk, log }, '/link.json', identity)).url).toBe('mqtts://covey:8883');
  }
});
