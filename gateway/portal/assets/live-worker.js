// Shared by all tabs of a browser, which may hold only six HTTP/1.1 connections to one host.
import { Stream } from "./stream.js";

const ports = new Set();
const url = new URL(self.location).hash.slice(1);
const stream = new Stream(url, (message) => {
  for (const port of ports) port.postMessage(message);
});

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data === "leave") ports.delete(port);
    if (data === "snapshot") port.postMessage(stream.snapshot());
    if (ports.size === 0) stream.close();
  };
  ports.add(port);
  stream.open();
  port.postMessage(stream.snapshot());
};
