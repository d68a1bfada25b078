import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A small HTTP proxy for TLS connections (CONNECT), as sites have them. */
export interface ConnectProxy {
  url: string;
  /** Ports it lets through; others are answered 403. */
  ports: Set<number>;
  /** `user:password` it wants, if any. */
  credentials: string | undefined;
  /** What was asked for, in order, and how it was answered. */
  asked: { target: string; status: number }[];
  /** Ends everything that passes through it now. */
  cut(): void;
  stop(): Promise<void>;
}

/** Every host name is this machine for it: devices need no name resolution of their own. */
export async function startConnectProxy(ports: number[]): Promise<ConnectProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((_request, response) => response.writeHead(501).end());
  const proxy: ConnectProxy = {
    url: '',
    ports: new Set(ports),
    credentials: undefined,
    asked: [],
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: async () => {
      proxy.cut();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
  server.on('connect', (request, socket: Socket) => {
    const target = request.url ?? '';
    const status = statusFor(proxy, target, request.headers['proxy-authorization']);
    proxy.asked.push({ target, status });
    socket.on('error', () => {});
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const onward = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end
        .on('error', () => {})
        .once('close', () => {
          sockets.delete(end);
          socket.destroy();
          onward.destroy();
        });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

function statusFor({ credentials, ports }: ConnectProxy, target: string, given: string | undefined): number {
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  if (wanted !== undefined && given !== wanted) return 407;
  return ports.has(Number(target.split(':')[1])) ? 200 : 403;
}
