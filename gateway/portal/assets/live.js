// Keeps the page current: patches text and attributes only, so focus and selection stay.
import { Stream } from "./stream.js";

const TICK_MS = 1_000;
const body = document.body;
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");
const clockOffset = Date.parse(body.dataset.now) - Date.now();
let elements = null;
let ask = () => {};

function elementsOf(key) {
  if (!elements) {
    elements = new Map();
    for (const element of document.querySelectorAll("[data-live]")) {
      const known = elements.get(element.dataset.live);
      known ? known.push(element) : elements.set(element.dataset.live, [element]);
    }
  }
  return elements.get(key) ?? [];
}

function patch(element, { text, attributes }) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  if (text !== null && element.textContent !== text) element.textContent = text;
  if (element.dataset.age !== undefined) tick(element);
}

function tick(element) {
  if (!element.dateTime) return;
  const seconds = Math.max(0, (Date.now() + clockOffset - Date.parse(element.dateTime)) / 1000);
  const [unit, n] =
    seconds < 60
      ? ["ageS", seconds]
      : seconds < 3600
        ? ["ageMin", seconds / 60]
        : seconds < 172_800
          ? ["ageH", seconds / 3600]
          : ["ageD", seconds / 86_400];
  const text = body.dataset[unit].replace("%(n)s", Math.floor(n));
  if (element.textContent !== text) element.textContent = text;
}

function reload([name, version]) {
  const panel = document.querySelector(`[data-panel="${name}"]`);
  if (panel && panel.dataset.version !== version) panel.dispatchEvent(new Event(`live-${name}`));
}

function show({ state, since }) {
  const time = new Date(since).toLocaleTimeString(document.documentElement.lang, { hour12: false });
  const text = connection.dataset[`${state}Text`].replace("{time}", time);
  connection.dataset.status = state;
  if (connectionText.textContent !== text) connectionText.textContent = text;
}

function receive({ cells = [], panels = [], status }) {
  for (const cell of cells) for (const element of elementsOf(cell.key)) patch(element, cell);
  panels.forEach(reload);
  if (status) show(status);
}

function joinWorker() {
  const worker = new SharedWorker(`${body.dataset.worker}#${body.dataset.stream}`, {
    type: "module",
    name: `nonagon ${body.dataset.stream}`,
  });
  worker.port.onmessage = ({ data }) => receive(data);
  ask = () => worker.port.postMessage("snapshot");
  addEventListener("pagehide", () => worker.port.postMessage("leave"));
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}

function openOwn() {
  const stream = new Stream(body.dataset.stream, receive);
  ask = () => receive(stream.snapshot());
  const follow = () => (document.hidden ? stream.close() : stream.open());
  document.addEventListener("visibilitychange", follow);
  follow();
}

export function start() {
  setInterval(() => {
    if (!document.hidden) document.querySelectorAll("[data-age]").forEach(tick);
  }, TICK_MS);
  document.addEventListener("htmx:after:swap", () => {
    elements = null;
    ask();
  });
  if (typeof SharedWorker === "function") joinWorker();
  else openOwn();
}
