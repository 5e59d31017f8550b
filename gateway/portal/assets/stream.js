// One event stream: keeps the newest cell of each key and the version of each panel.

const SILENCE_MS = 40_000; // the server says something every 15 s
const RETRY_MS = 2_000;

export class Stream {
  #url;
  #notify;
  #source = null;
  #retry = 0;
  #heard = 0;
  #lastId = "";
  #cells = new Map();
  #panels = new Map();
  #status = { state: "connecting", since: Date.now() };

  constructor(url, notify) {
    this.#url = url;
    this.#notify = notify;
    setInterval(() => this.#watch(), SILENCE_MS / 4);
  }

  // Everything known, for a page that joins later.
  snapshot() {
    return { cells: [...this.#cells.values()], panels: [...this.#panels], status: this.#status };
  }

  open() {
    if (this.#source) return;
    const after = this.#lastId ? `&after=${encodeURIComponent(this.#lastId)}` : "";
    const source = new EventSource(this.#url + after);
    this.#source = source;
    this.#heard = Date.now();
    source.onopen = () => this.#say("live");
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#say("lost");
      if (source.readyState === EventSource.CLOSED) this.#reopen();
    };
    source.addEventListener("snapshot", (event) => this.#snapshot(event));
    source.addEventListener("cell", (event) => this.#cell(event));
    source.addEventListener("panel", (event) => this.#panel(event));
    source.addEventListener("alive", (event) => this.#hear(event));
  }

  close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #reopen() {
    this.close();
    this.#retry = setTimeout(() => this.open(), RETRY_MS * (1 + Math.random()));
  }

  #watch() {
    if (!this.#source || Date.now() - this.#heard < SILENCE_MS) return;
    this.#say("lost");
    this.#reopen();
  }

  #hear(event) {
    this.#heard = Date.now();
    if (event.lastEventId) this.#lastId = event.lastEventId;
    this.#say("live");
    return event.data ? JSON.parse(event.data) : null;
  }

  #snapshot(event) {
    const { cells, panels } = this.#hear(event);
    this.#cells = new Map(cells.map((cell) => [cell.key, cell]));
    this.#panels = new Map(Object.entries(panels));
    this.#notify({ cells, panels: [...this.#panels] });
  }

  #cell(event) {
    const cell = this.#hear(event);
    this.#cells.set(cell.key, cell);
    this.#notify({ cells: [cell] });
  }

  #panel(event) {
    const { panel, version } = this.#hear(event);
    this.#panels.set(panel, version);
    this.#notify({ panels: [[panel, version]] });
  }

  #say(state) {
    if (state === this.#status.state) return;
    this.#status = { state, since: Date.now() };
    this.#notify({ status: this.#status });
  }
}
