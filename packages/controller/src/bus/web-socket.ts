import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { limits } from '@covey/protocol';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** Takes over a connection on which an HTTP request asked for WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: TLSSocket, head: Buffer) => void;

/** MQTT over WebSocket (MQTT 3.1.1, 6): `accept` gets the stream of MQTT and the connection under it. */
export function webSocketUpgrade(accept: (stream: Duplex, socket: TLSSocket) => void): Upgrade {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.mqttPacketBytes,
    handleProtocols: (protocols) => protocols.has('mqtt') && 'mqtt',
  });
  return (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      if (webSocket.protocol !== 'mqtt') return webSocket.close(1002, 'the subprotocol is mqtt');
      accept(createWebSocketStream(webSocket), socket);
    });
}
