// The page: opens the session, hands keys and buttons to whoever is in sight, and keeps everything on
// screen in step with the work.

import { get, post, Refusal } from "./api.js";
import { Bar } from "./bar.js";
import { Clock, Rate } from "./clock.js";
import { $, randomHex, thousands } from "./dom.js";
import { Dialogs } from "./dialogs.js";
import { EndView } from "./endview.js";
import { FaceView } from "./faceview.js";
import { Footer } from "./footer.js";
import { GridView } from "./gridview.js";
import { Keys } from "./keys.js";
import { Orphans } from "./orphans.js";
import { Outbox } from "./outbox.js";
import { Panel } from "./panel.js";
import { Prefs } from "./prefs.js";
import { Prompt } from "./prompt.js";
import { questions } from "./questions.js";
import { batchWords, Work } from "./work.js";

const POLL = 15_000; // milliseconds
const POLL_OFFLINE = 2_000;
const RENEW = 40_000; // leases last 120 s
const TOAST = 4_000;

class App {
  constructor(session) {
    this.session = session;
    this.prefs = new Prefs(session);
    this.keys = new Keys(session);
    this.outbox = new Outbox(this.prefs.name("outbox "), post);
    this.work = new Work(session, this.outbox, randomHex(16));
    this.clock = new Clock();
    this.rate = new Rate();
    this.unreachable = false;
    this.trouble = "";
    this.fetching = 0;
    this.view = "wait";
    this.wanted = this.prefs.get("view", "face"); // face or grid: what is shown when there is a face
    this.prompt = new Prompt();
    this.dialogs = new Dialogs(this);
    this.questions = questions(this);
    this.face = new FaceView(this);
    this.grid = new GridView(this);
    this.panel = new Panel(this);
    this.end = new EndView(this);
    this.orphans = new Orphans(this);
    this.bar = new Bar(this);
    this.footer = new Footer(this);
    this.#listen();
  }

  async start() {
    await this.outbox.pump(); // first what was said before a reload
    const { queues } = this.work;
    const last = queues.find((one) => one.name === this.prefs.get("queue", ""));
    const queue = last ?? queues.find((one) => one.remaining > 0 && one.name !== "orphaned") ?? queues[0];
    const order = this.prefs.get("order", "");
    await this.openQueue(queue.name, queue.orders.includes(order) ? order : queue.default_order);
    this.#every(
      () => (this.unreachable || this.work.failed ? POLL_OFFLINE : POLL),
      () => this.#poll(),
    );
    this.#every(
      () => RENEW,
      () => (document.visibilityState === "visible" ? this.work.renew() : null),
    );
  }

  async openQueue(name, order) {
    this.prefs.set("queue", name);
    this.prefs.set("order", order);
    this.grid.picked.clear();
    this.clock.restart();
    if (name === "orphaned") {
      Object.assign(this.work, { queue: name, order: null, items: [], at: 0, exhausted: true });
      await this.orphans.open();
      this.update();
      return;
    }
    await this.work.open(name, order);
  }

  setView(view) {
    this.wanted = view;
    this.prefs.set("view", view);
    this.clock.restart();
    this.update();
    this.#fetchAhead();
    if (this.view === "grid") this.grid.focus();
  }

  /** Shows what is to be shown: a face, a page of faces, or that there is nothing. */
  update() {
    const { work } = this;
    if (work.queue === "orphaned") this.view = "orphans";
    else if (work.current) this.view = this.wanted;
    else this.view = work.exhausted || work.failed ? "end" : "wait";
    document.body.dataset.view = this.view;
    document.title = `${thousands(work.remaining)} left, ${this.session.dataset.name}: fexdata review`;
    document.body.dataset.face = work.current?.id ?? "";
    this.bar.update();
    this.footer.update();
    if (this.view === "face") this.face.update();
    if (this.view === "face") this.panel.update();
    if (this.view === "grid") this.grid.update();
    if (this.view === "end") this.end.update();
    this.#banner();
  }

  // What can be done

  run(action) {
    if (this.prompt.isOpen) this.prompt.close();
    const general = {
      undo: () => this.#turn("Undone", this.work.undo()),
      redo: () => this.#turn("Done again", this.work.redo()),
      grid: () => this.setView(this.wanted === "grid" ? "face" : "grid"),
      queue_menu: () => this.dialogs.queues(),
      statistics: () => this.dialogs.statistics(),
      legend: () => this.dialogs.legend(),
      order: () => this.#nextOrder(),
    }[action];
    if (general) return general();
    if (this.view === "grid" && this.grid.run(action)) return null;
    if (this.view === "face" && this.face.run(action)) return null;
    if (this.view === "end" && action === "back") return this.work.goTo(this.work.items.length - 1);
    const about = {
      accept: () => this.judge("accept"),
      reject: () => this.questions.reason(),
      unsure: () => this.judge("unsure"),
      relabel: () => this.questions.label(),
      flag: () => this.#flag(),
      comment: () => this.#comment(),
      next: () => this.work.goTo(this.work.at + 1),
      back: () => this.work.goTo(this.work.at - 1),
      decide_rest: () => this.questions.rest(),
    }[action];
    if (about) return this.subjects().length ? about() : null;
    const number = /^reject_([1-9])$/.exec(action)?.[1];
    const reason = this.session.reasons.find((one) => one.number === Number(number));
    return reason ? this.judge("reject", reason.name) : null;
  }

  /** The faces that a verdict is about. */
  subjects() {
    if (this.view === "grid") return this.grid.subjects();
    return this.view === "face" && this.work.current ? [this.work.current] : [];
  }

  judge(verdict, reason, items = this.subjects()) {
    if (!items.length) return;
    const actions = items.map((item) => ({ id: item.id, verdict, ...(reason ? { reason } : {}) }));
    this.rate.add(items.filter((item) => !this.work.done.has(item.id)).length, this.clock.seconds);
    this.say(actions);
    if (this.view === "grid") this.grid.afterDecision(actions.map((action) => action.id));
    else this.work.nextOpen();
  }

  /** One batch, with how long it took and what was in sight. */
  say(actions) {
    const view = this.view === "grid" ? "grid" : "face";
    const looked = view === "grid" ? [this.grid.kind] : [...this.face.looked];
    const seconds = Math.round(1000 * this.clock.seconds) / 1000;
    this.clock.restart();
    this.work.decide(actions, { view, seconds, looked_at: looked });
    this.toast(batchWords(actions), true);
  }

  label(expression, items) {
    this.say(items.map((item) => ({ id: item.id, expression })));
  }

  toast(words, undoable = false) {
    const element = $("#toast");
    element.textContent = undoable ? `${words}  ·  ${this.keys.label("undo")} takes it back` : words;
    element.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => (element.hidden = true), TOAST);
  }

  #flag() {
    const items = this.subjects();
    const flag = !items.every((item) => item.mine?.flag);
    this.say(items.map((item) => ({ id: item.id, flag })));
  }

  #comment() {
    if (this.view === "grid") this.setView("face");
    this.panel.focusComment();
  }

  #turn(words, what) {
    this.grid.picked.clear();
    this.clock.restart();
    this.toast(what ? `${words}: ${what}` : "There is nothing to take back");
  }

  #nextOrder() {
    const queue = this.work.queueWords();
    if (!queue || queue.orders.length < 2) return;
    const at = queue.orders.indexOf(this.work.order);
    this.openQueue(queue.name, queue.orders[(at + 1) % queue.orders.length]);
  }

  // What happens by itself

  #listen() {
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) event.preventDefault(); // keys go on to the page, not to the button
    });
    this.work.addEventListener("change", () => this.#soon());
    this.work.addEventListener("place", () => this.moved());
    this.work.addEventListener("refused", ({ detail }) => this.toast(detail.sentence));
    this.outbox.addEventListener("change", () => {
      if (!this.outbox.offline && !this.outbox.waiting && this.unreachable) this.#poll();
      this.#banner();
    });
    globalThis.addEventListener("online", () => this.#poll());
    globalThis.addEventListener("pagehide", () => this.work.release());
    globalThis.addEventListener("pageshow", (event) => event.persisted && location.reload());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#poll();
      this.work.renew().catch(() => {});
      this.#sameReviewer();
    });
  }

  #key(event) {
    if (event.isComposing || this.dialogs.isOpen) return this.dialogs.key(event);
    if (this.prompt.isOpen) return this.prompt.key(event);
    const { target } = event;
    if (target.closest("textarea, input[type=text]")) return null;
    const native = target.closest("button, input, select, a");
    if (native && (event.key === " " || event.key === "Enter")) return null;
    if (native?.type === "range" && event.key.startsWith("Arrow")) return null;
    const action = this.keys.action(event, this.view === "grid" ? "grid" : "face");
    if (!action) return null;
    event.preventDefault();
    if (event.shiftKey && this.view === "grid" && ["left", "right", "up", "down"].includes(action))
      return this.grid.extend(action);
    return this.run(action);
  }

  #soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.update();
    });
  }

  /** Another face or page is in sight: its time starts, and what follows is fetched. */
  moved() {
    const place = this.wanted === "grid" ? this.grid.start : this.work.current?.id;
    if (place !== this.place) this.clock.restart();
    if (place !== this.place && this.work.current && this.work.done.has(this.work.current.id)) this.work.look();
    this.place = place;
    this.update();
    this.#fetchAhead();
  }

  async #fetchAhead() {
    const { work } = this;
    if (!work.queue || work.queue === "orphaned") return;
    const there = work.current;
    const ahead = this.wanted === "grid" ? this.grid.start + 2 * this.grid.size - work.at : 0;
    this.fetching += 1;
    document.body.dataset.loading = "yes";
    await work.ensure(Math.max(ahead, work.reach));
    this.fetching -= 1;
    document.body.dataset.loading = this.fetching ? "yes" : "no";
    if (!there && work.current) this.moved(); // what was waited for has come
  }

  async #poll() {
    try {
      await this.work.poll();
    } catch (error) {
      this.#lost(error);
      return;
    }
    const back = this.unreachable || this.work.failed;
    this.unreachable = false;
    this.trouble = "";
    if (this.outbox.waiting) this.outbox.nudge();
    if (back) {
      this.work.failed = false;
      this.#fetchAhead();
      if (this.view === "face") this.face.retry();
      if (this.view === "grid") this.grid.retry();
    }
    this.#banner();
  }

  #lost(error) {
    this.unreachable = true;
    this.trouble = error instanceof Refusal ? error.message : "";
    this.#banner();
  }

  /** Another address opened in this browser makes this page somebody else's: never decide in a wrong name. */
  async #sameReviewer() {
    const now = await get("/api/session").catch(() => null);
    if (now && now.reviewer !== this.session.reviewer) location.reload();
  }

  #banner() {
    const element = $("#banner");
    const { waiting, offline, kept, trouble } = this.outbox;
    const decisions = waiting === 1 ? "1 decision waits" : `${thousands(waiting)} decisions wait`;
    const why = trouble || this.trouble || "The server cannot be reached";
    let words = "";
    if (!kept) words = "This browser keeps nothing: do not close the page while decisions wait. ";
    if (offline || this.unreachable)
      words += `Offline: ${waiting ? decisions : "nothing waits"} here. ${why}; it is tried again, and nothing is lost.`;
    element.hidden = !words;
    if (element.textContent !== words) element.textContent = words;
    document.body.dataset.waiting = waiting;
  }

  #every(pause, step) {
    const again = async () => {
      await Promise.resolve(step()).catch(() => {}); // what fails is tried again, and the banner says so
      setTimeout(again, pause());
    };
    setTimeout(again, pause());
  }
}

async function open() {
  let session;
  try {
    session = await get("/api/session");
  } catch (error) {
    $("#wait").textContent =
      error instanceof Refusal ? error.message : "The server cannot be reached; it is tried again.";
    if (!(error instanceof Refusal)) setTimeout(open, POLL_OFFLINE);
    return;
  }
  await new App(session).start();
}

open();
