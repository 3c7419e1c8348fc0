// What the reviewer did and the server does not know yet. Every entry is in localStorage before it
// is sent, and leaves it only when the server has answered: a killed server, a closed lid or a
// reload lose nothing, and since the server knows an entry by its uid, nothing counts twice.

import { Refusal } from "./api.js";

const FIRST_PAUSE = 400; // milliseconds, doubled with every failure
const LONGEST_PAUSE = 4_000;

/** Events: `sent` {entry, reply}, `refused` {entry, error}, `change` (waiting, offline). */
export class Outbox extends EventTarget {
  #prefix;
  #post;
  #storage;
  #timer = 0;
  #busy = false;
  #pause = FIRST_PAUSE;
  #last = 0;

  /** prefix: of the keys in `storage`, one per dataset and reviewer. post: async (path, body) -> reply. */
  constructor(prefix, post, storage = globalThis.localStorage) {
    super();
    this.#prefix = prefix;
    this.#post = post;
    this.#storage = storage;
    this.entries = this.#stored();
    this.#last = this.entries.at(-1)?.number ?? 0;
    this.offline = false;
    this.trouble = "";
    this.kept = true; // whether entries survive a reload
  }

  get waiting() {
    return this.entries.length;
  }

  /** Keeps a request and sends it when its turn has come; `body.uid` makes it count once. */
  add(path, body) {
    const number = Math.max(Date.now() * 1000, this.#last + 1); // later entries have larger numbers, across reloads
    this.#last = number;
    const entry = { number, path, body };
    this.entries.push(entry);
    try {
      this.#storage.setItem(this.#prefix + number, JSON.stringify(entry));
    } catch {
      this.kept = false; // storage full or forbidden: the page says so
    }
    this.#changed();
    this.pump();
    return entry;
  }

  /** Tries at once, whatever the pause. */
  nudge() {
    this.#pause = FIRST_PAUSE;
    this.pump();
  }

  /** Sends the entries in their order, one at a time. */
  async pump() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    while (this.entries.length) {
      const entry = this.entries[0];
      let reply;
      try {
        reply = await this.#post(entry.path, entry.body);
      } catch (error) {
        if (error instanceof Refusal && error.status !== 401) {
          this.#drop(entry);
          this.#reached();
          this.dispatchEvent(new CustomEvent("refused", { detail: { entry, error } }));
          continue;
        }
        this.#failed(error);
        break;
      }
      this.#drop(entry);
      this.#reached();
      this.dispatchEvent(new CustomEvent("sent", { detail: { entry, reply } }));
    }
    this.#busy = false;
    this.#changed();
  }

  /** Whether an entry that still waits says something of a face. */
  speaksOf(id) {
    return this.entries.some((entry) => entry.body.actions?.some((action) => action.id === id));
  }

  #failed(error) {
    this.offline = true;
    this.trouble = error instanceof Refusal ? error.message : "";
    this.#timer = setTimeout(() => this.pump(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  #reached() {
    this.#pause = FIRST_PAUSE;
    this.offline = false;
    this.trouble = "";
  }

  #drop(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    this.#storage.removeItem(this.#prefix + entry.number);
  }

  #stored() {
    const found = [];
    for (let i = 0; i < this.#storage.length; i += 1) {
      const key = this.#storage.key(i);
      if (!key.startsWith(this.#prefix)) continue;
      try {
        found.push(JSON.parse(this.#storage.getItem(key)));
      } catch {
        continue; // not ours: entries are written whole
      }
    }
    return found.sort((one, other) => one.number - other.number);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
