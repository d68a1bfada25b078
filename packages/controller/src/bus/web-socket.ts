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
  return (request, socket, head) => {
    // Before the upgrade: what is no MQTT gets no WebSocket, whose errors would have to be heard for ever.
    if (!offersMqtt(request)) return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      accept(createWebSocketStream(webSocket), socket);
    });
  };
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === 'mqtt');
}
