// The faces that this reviewer works through, and what is said of them. Decisions show at once; the
// outbox carries them to the server, whose answers then have the last word.

import { get, post, Refusal } from "./api.js";
import { plain, randomHex } from "./dom.js";
import { VERDICTS } from "./words.js";

const MOST = 60; // faces per request, the server's limit
const HELD = 200; // ids per request, likewise

/** Events: `change` (anything that is shown), `place` (another face, page or queue), `refused` {sentence}. */
export class Work extends EventTarget {
  #outbox;
  #tab;
  #loading = null;
  #known = new Map();
  #undoable = [];
  #redoable = [];
  #expected = new Map(); // uid of an undo or redo -> the faces it should touch, or null where only the server knows
  #generation = 0;
  #line = Promise.resolve(); // requests about leases, one after the other: each ends what it does not name

  constructor(session, outbox, tab) {
    super();
    this.session = session;
    this.queues = session.queues;
    this.undoWords = session.undo;
    this.progress = session.progress;
    this.#outbox = outbox;
    this.#tab = tab;
    this.items = [];
    this.at = 0;
    this.done = new Set(); // judged since they came here
    this.judged = 0; // faces, since the page was opened, less those taken back
    this.lost = new Set(); // lent to somebody else meanwhile
    this.queue = null;
    this.order = null;
    this.exhausted = false;
    this.failed = false; // the last request for more faces did not get through
    outbox.addEventListener("sent", ({ detail }) => this.#settled(detail.entry, detail.reply));
    outbox.addEventListener("refused", ({ detail }) => this.#refused(detail.entry, detail.error));
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  find(id) {
    return this.#known.get(id) ?? null;
  }

  get latest() {
    return this.order === "latest";
  }

  queueWords(name = this.queue) {
    return this.queues.find((one) => one.name === name) ?? null;
  }

  isOpen(item) {
    return !this.done.has(item.id) && !this.lost.has(item.id);
  }

  get skipped() {
    return this.items.slice(0, this.at).filter((item) => this.isOpen(item));
  }

  /** Faces left in the queue, counting what the server does not know yet. */
  get remaining() {
    const known = this.queueWords()?.remaining ?? 0;
    if (this.latest) return known;
    const unsaid = this.#outbox.entries.flatMap((entry) => entry.body.actions ?? []).filter((action) => action.verdict);
    return Math.max(known - new Set(unsaid.map((action) => action.id).filter((id) => this.#known.has(id))).size, 0);
  }

  // Faces

  /** How many faces to fetch before they are wanted: enough to go on for a while without the server, but
   * towards the end of a queue not so many that a colleague has none. */
  get reach() {
    return Math.min(Math.max(Math.ceil(this.remaining / 10), 4), 24);
  }

  async open(queue, order) {
    this.#generation += 1;
    this.#loading = null;
    Object.assign(this, { queue, order, items: [], at: 0, exhausted: false, failed: false });
    this.done = new Set();
    this.lost = new Set();
    this.#known = new Map();
    this.#emit("place");
    await this.ensure(1);
    this.#emit("place");
  }

  /** Fetches until `ahead` faces are there from the present one on, or the queue is empty. */
  async ensure(ahead) {
    while (!this.exhausted && this.items.length - this.at < ahead) {
      const generation = this.#generation;
      this.#loading ??= this.#inLine(() => this.#fetch(generation, Math.min(Math.max(ahead, this.reach), MOST)));
      const found = await this.#loading;
      if (!found) return;
    }
  }

  #inLine(step) {
    const result = this.#line.then(step);
    this.#line = result.catch(() => {});
    return result;
  }

  async #fetch(generation, count) {
    if (generation !== this.#generation) return false;
    const body = { queue: this.queue, order: this.order, count, tab: this.#tab, holding: this.holding() };
    if (this.latest && this.items.length) body.after = this.items.at(-1).id;
    try {
      const reply = await post("/api/next", body);
      if (generation !== this.#generation) return false;
      const fresh = reply.items.filter((item) => !this.#known.has(item.id));
      fresh.forEach((item) => this.#take(item));
      this.items.push(...fresh);
      this.exhausted = fresh.length === 0;
      this.failed = false;
      const words = this.queueWords();
      if (words) words.remaining = reply.remaining;
      this.#emit("change");
      return fresh.length > 0;
    } catch (error) {
      if (generation !== this.#generation) return false;
      this.failed = true;
      if (error instanceof Refusal)
        this.dispatchEvent(new CustomEvent("refused", { detail: { sentence: error.message } }));
      this.#emit("change");
      return false;
    } finally {
      if (generation === this.#generation) this.#loading = null;
    }
  }

  /** What this tab keeps: what is still open here, and what was said but not heard. */
  holding() {
    const unheard = this.#outbox.entries.flatMap((entry) => (entry.body.actions ?? []).map((action) => action.id));
    const open = this.items.filter((item) => this.isOpen(item)).map((item) => item.id);
    const ahead = this.items.slice(this.at).map((item) => item.id);
    const wanted = [...ahead.filter((id) => !this.done.has(id) && !this.lost.has(id)), ...unheard, ...open.reverse()];
    return [...new Set(wanted)].slice(0, HELD);
  }

  renew() {
    return this.#inLine(() => this.#renew());
  }

  /** Asks anew after the queue was empty: a colleague may have given something back. */
  async again() {
    const generation = this.#generation;
    await this.#inLine(() => this.#fetch(generation, this.reach));
  }

  /** Gives everything back, when the page goes away. */
  release() {
    fetch("/api/hold", {
      method: "POST",
      keepalive: true,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tab: this.#tab, ids: [] }),
    }).catch(() => {});
  }

  async #renew() {
    const ids = this.items
      .filter((item) => this.isOpen(item))
      .map((item) => item.id)
      .slice(-HELD);
    const { lost } = await post("/api/hold", { tab: this.#tab, ids });
    if (!lost.length) return;
    lost.forEach((id) => this.lost.add(id));
    this.#emit("change");
  }

  /** Asks for the face in sight anew: its history has grown. */
  async look() {
    if (this.current && !this.#outbox.waiting) await this.#refresh(this.current.id);
    this.#emit("change");
  }

  goTo(at) {
    this.at = Math.min(Math.max(at, 0), this.items.length);
    this.#emit("place");
  }

  /** After a decision: the next face that is still open, or the end. */
  nextOpen() {
    let at = this.at;
    while (at < this.items.length && !this.isOpen(this.items[at])) at += 1;
    this.goTo(at);
  }

  async poll() {
    const news = await get("/api/queues");
    this.queues = news.queues;
    this.progress = news.progress;
    if (!this.#outbox.waiting) this.undoWords = news.undo;
    this.#emit("change");
  }

  // Decisions

  /** One batch, one step of undo. actions: as POST /api/decide takes them; shown: view, seconds, looked_at. */
  decide(actions, shown) {
    const uid = randomHex(32);
    const before = actions.map((action) => this.#snapshot(action.id));
    const fresh = actions.filter((action) => action.verdict && !this.done.has(action.id)).length;
    actions.forEach((action) => this.#apply(action));
    const words = batchWords(actions);
    this.judged += fresh;
    this.#undoable.push({ uid, words, before, actions, fresh });
    this.#redoable = [];
    this.undoWords = { undo: words, redo: null };
    this.#outbox.add("/api/decide", { uid, queue: this.queue, order: this.order, ...shown, actions });
    this.#emit("change");
    return words;
  }

  /** Takes back the last batch: at once if it was made here, else when the server has said which it is. */
  undo() {
    const batch = this.#undoable.pop();
    if (batch) {
      batch.after = batch.actions.map((action) => this.#snapshot(action.id));
      batch.before.forEach((kept) => this.#restore(kept));
      this.judged -= batch.fresh;
      this.#redoable.push(batch);
      this.#show(batch.actions.map((action) => action.id));
    }
    return this.#turn("/api/undo", batch, this.undoWords.undo, {
      undo: this.#undoable.at(-1)?.words,
      redo: batch?.words,
    });
  }

  redo() {
    const batch = this.#redoable.pop();
    if (batch) {
      batch.after.forEach((kept) => this.#restore(kept));
      this.judged += batch.fresh;
      this.#undoable.push(batch);
      this.#show(batch.actions.map((action) => action.id));
    }
    return this.#turn("/api/redo", batch, this.undoWords.redo, {
      undo: batch?.words,
      redo: this.#redoable.at(-1)?.words,
    });
  }

  #turn(path, batch, words, then) {
    if (!batch && !words) return null;
    // Older steps than those made here have words that only the server knows; until it answers, say so.
    if (batch) this.undoWords = { undo: then.undo ?? "Earlier decision", redo: then.redo ?? null };
    const expected = batch?.actions.map((action) => action.id) ?? null;
    const uid = randomHex(32);
    this.#expected.set(uid, expected);
    this.#outbox.add(path, { uid });
    this.#emit("change");
    return batch?.words ?? words;
  }

  #take(item) {
    this.#known.set(item.id, item);
    if (!this.latest && item.mine?.verdict) this.done.add(item.id);
    for (const entry of this.#outbox.entries)
      // said before a reload, not heard yet
      for (const action of entry.body.actions ?? []) if (action.id === item.id) this.#apply(action);
  }

  #apply(action) {
    const item = this.#known.get(action.id);
    if (!item) return;
    const { id, ...said } = action;
    if (said.verdict) said.reason ??= null;
    const nothing = {
      reviewer: this.session.reviewer,
      verdict: null,
      reason: null,
      expression: null,
      flag: false,
      comment: "",
    };
    item.mine = { ...nothing, ...item.mine, ...said };
    if (action.verdict) {
      this.done.add(id);
      item.in_force = { ...item.in_force, status: VERDICTS[action.verdict].status, decided_by: this.session.reviewer };
    }
  }

  #snapshot(id) {
    const item = this.#known.get(id);
    return { id, mine: item?.mine ?? null, in_force: item?.in_force ?? null, done: this.done.has(id) };
  }

  #restore({ id, mine, in_force, done }) {
    const item = this.#known.get(id);
    if (!item) return;
    Object.assign(item, { mine, in_force });
    if (done) this.done.add(id);
    else this.done.delete(id);
  }

  /** Goes to the first of some faces that is in the list. */
  #show(ids) {
    const at = this.items.findIndex((item) => ids.includes(item.id));
    if (at >= 0) this.goTo(at);
  }

  // What the server says

  async #settled(entry, reply) {
    for (const brief of reply.items ?? []) {
      const item = this.#known.get(brief.id);
      if (item && !this.#outbox.speaksOf(brief.id) && !this.#turning()) Object.assign(item, brief);
    }
    for (const [name, remaining] of Object.entries(reply.queues ?? {})) {
      const words = this.queueWords(name);
      if (words) words.remaining = remaining;
    }
    if (reply.undo && !this.#outbox.waiting) this.undoWords = reply.undo;
    if (this.#expected.has(entry.body.uid)) await this.#turned(entry, reply);
    else if (this.current && reply.items?.some((brief) => brief.id === this.current.id)) await this.look();
    this.#emit("change");
  }

  #turning() {
    return this.#outbox.entries.some((entry) => !entry.body.actions);
  }

  /** Undo or redo was answered. Where it touched faces that are not here (of another queue, or before a
   * reload), or others than expected (another tab was at work too), bring those here. */
  async #turned(entry, reply) {
    const expected = this.#expected.get(entry.body.uid);
    this.#expected.delete(entry.body.uid);
    const touched = reply.items.map((item) => item.id);
    if (expected && touched.some((id) => expected.includes(id) && this.#known.has(id))) return;
    for (const id of new Set([...(expected ?? []), ...touched])) await this.#refresh(id);
    if (touched.length) this.#show(touched);
  }

  async #refresh(id) {
    let item;
    try {
      item = await get(`/api/items/${id}`);
    } catch {
      return; // the next answer about this face will set it right
    }
    if (this.#outbox.speaksOf(id) || this.#turning()) return; // said meanwhile: what is shown is newer
    const here = this.#known.get(id);
    if (here) Object.assign(here, item);
    else {
      this.#known.set(id, item);
      this.items.splice(this.at, 0, item);
    }
    if (item.mine?.verdict) this.done.add(id);
    else this.done.delete(id);
  }

  #refused(entry, error) {
    const at = this.#undoable.findIndex((batch) => batch.uid === entry.body.uid);
    if (at >= 0) {
      const [batch] = this.#undoable.splice(at, 1);
      batch.before.forEach((kept) => this.#restore(kept));
      this.judged -= batch.fresh;
    }
    this.#expected.delete(entry.body.uid);
    this.dispatchEvent(new CustomEvent("refused", { detail: { sentence: `Not taken: ${error.message}` } }));
    this.#emit("change");
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
    if (name === "place") this.dispatchEvent(new Event("change"));
  }
}

/** "Reject 24 faces: blurred". */
export function batchWords(actions) {
  const { verdict, reason, expression, flag } = actions[0];
  const many = actions.length === 1 ? "" : ` ${actions.length} faces`;
  if (verdict) return VERDICTS[verdict].does + many + (reason ? `: ${plain(reason)}` : "");
  if (expression) return `Label${many} ${expression}`;
  if (flag !== undefined) return flag ? `Flag${many}` : `Remove flag${many}`;
  return "Comment";
}
