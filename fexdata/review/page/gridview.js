// Many faces at once: pick the odd ones, say one thing of all the others, go on.

import { $, fill, h, icon, plain, refill } from "./dom.js";
import { button, keycap } from "./buttons.js";
import { images, sized } from "./images.js";
import { badge, STATUSES, VERDICTS } from "./words.js";

const SIDES = [96, 124, 160, 200, 260, 340]; // css pixels, about: rows fill the height
const GAP = 8;
const CAPTION = 40; // under a picture
const MOST = 60; // faces on a page
const STORED = [96, 160, 256, 512]; // sizes that the server makes
const KINDS = [
  ["overlay", "Mesh"],
  ["crop", "Crop"],
  ["depth", "Depth"],
  ["normal", "Normals"],
  ["mask", "Mask"],
  ["heat", "Error"],
];
const ACTION = { heat: "heat" };

export class GridView {
  #app;
  #tiles = $("#tiles");
  #anchor = null;
  #look = ""; // kind and size of the pictures that are laid out

  constructor(app) {
    this.#app = app;
    this.picked = new Set();
    this.kind = "overlay";
    this.side = Number(app.prefs.get("side", 2));
    this.pixels = SIDES[this.side]; // of a tile
    this.size = 24; // faces on a page
    new ResizeObserver(() => this.#measure()).observe(this.#tiles);
    this.#tiles.addEventListener("pointerdown", (event) => this.#press(event));
    this.#tiles.addEventListener("dblclick", (event) => this.#openTile(event));
  }

  /** Place in the list of the first face of the page. */
  get start() {
    const { at } = this.#app.work;
    return at - (at % this.size);
  }

  get page() {
    return this.#app.work.items.slice(this.start, this.start + this.size);
  }

  /** The faces of the page that nobody picked or judged. */
  rest() {
    return this.page.filter((item) => this.#app.work.isOpen(item) && !this.picked.has(item.id));
  }

  /** What a verdict is about: the picked faces, else the one with the cursor. */
  subjects() {
    const { work } = this.#app;
    const picked = this.page.filter((item) => this.picked.has(item.id));
    return picked.length ? picked : work.current ? [work.current] : [];
  }

  /** After a decision: to the next open face of the page, or to the next page. */
  afterDecision(ids) {
    ids.forEach((id) => this.picked.delete(id));
    const { work } = this.#app;
    const start = this.start;
    const open = this.page.findIndex((item) => work.isOpen(item));
    if (open < 0) this.turnPage(1);
    else if (!work.current || !work.isOpen(work.current)) work.goTo(start + open);
    else this.update();
  }

  turnPage(way) {
    const { work } = this.#app;
    this.picked.clear();
    this.#anchor = null;
    const to = this.start + way * this.size;
    if (way > 0 && to >= work.items.length) work.goTo(work.items.length);
    else work.goTo(Math.max(to, 0));
  }

  run(action) {
    const { work } = this.#app;
    const columns = this.#columns();
    const moves = { left: -1, right: 1, up: -columns, down: columns };
    if (action in moves) return this.#move(work.at + moves[action]);
    if (action.startsWith("tab_")) return this.#show(action.slice(4));
    const found = {
      first: () => this.#move(this.start),
      last: () => this.#move(this.start + this.page.length - 1),
      next: () => this.turnPage(1),
      back: () => this.turnPage(-1),
      select: () => this.#toggle(work.at),
      select_all: () => this.#pickAll(),
      heat: () => this.#show("heat"),
      zoom_in: () => this.#resize(1),
      zoom_out: () => this.#resize(-1),
      zoom_reset: () => this.#resize(2 - this.side),
      cancel: () => [this.picked.clear(), this.#app.update()],
    }[action];
    if (!found) return false;
    found();
    return true;
  }

  /** Shift and an arrow pick what they pass. */
  extend(action) {
    const { work } = this.#app;
    if (work.current) this.picked.add(work.current.id);
    this.run(action);
    if (work.current) this.picked.add(work.current.id);
    this.#app.update();
  }

  // Drawing

  update() {
    const page = this.page;
    this.#bar(page);
    this.#lay(page);
    page.forEach((item, i) => this.#mark(this.#tiles.children[i], item, i + this.start === this.#app.work.at));
    this.#info();
  }

  focus() {
    this.#tiles.querySelector(".tile.cursor")?.focus({ preventScroll: true });
  }

  retry() {
    this.#look = "";
    this.update();
  }

  /** Faces that came later join those that are there; anything else is laid anew. */
  #lay(page) {
    const look = `${this.kind} ${this.pixels}`;
    const there = [...this.#tiles.children].map((tile) => tile.dataset.id);
    const grown = look === this.#look && there.length <= page.length && there.every((id, i) => id === page[i].id);
    if (grown && there.length === page.length) return;
    this.#look = look;
    if (!grown) {
      this.#tiles.style.gridTemplateColumns = `repeat(auto-fill, ${this.pixels}px)`;
      this.#tiles.replaceChildren();
      this.#tiles.scrollTop = 0;
    }
    this.#tiles.append(...page.slice(grown ? there.length : 0).map((item) => this.#tile(item)));
    this.#prefetch();
  }

  #bar(page) {
    const app = this.#app;
    const kinds = KINDS.filter(([kind]) => !page.length || page.some((item) => item.pictures[kind]));
    refill($("#grid-bar"), [this.kind, this.side, kinds, this.picked.size > 0], () => [
      h(
        "div",
        { class: "segments", role: "group", "aria-label": "Picture" },
        kinds.map(([kind, word]) => {
          const action = ACTION[kind] ?? `tab_${kind}`;
          return h(
            "button",
            { "aria-pressed": String(kind === this.kind), dataset: { action }, onclick: () => this.#show(kind, true) },
            word,
            keycap(app.keys.label(action)),
          );
        }),
      ),
      h("span", { class: "hint" }, "Click, drag or ", keycap("Space"), " picks; ⇧ picks a range; double click opens"),
      h("span", { class: "stretch" }),
      button(app, "select_all", { words: "Pick all", class: "small" }),
      button(app, "cancel", { words: "Pick none", class: "small", disabled: !this.picked.size }),
      button(app, "zoom_out", {
        icon: "minus",
        class: "small",
        bare: true,
        title: "Smaller pictures",
        disabled: this.side === 0,
      }),
      button(app, "zoom_in", {
        icon: "plus",
        class: "small",
        bare: true,
        title: "Larger pictures",
        disabled: this.side === SIDES.length - 1,
      }),
    ]);
  }

  #tile(item) {
    const { pixels: side } = this;
    const url = item.pictures[this.kind] ?? item.pictures.crop;
    const picture = url
      ? h("img", {
          src: sized(url, stored(side)),
          width: side,
          height: side,
          alt: "",
          draggable: "false",
          onerror: () => picture.classList.add("gone"),
        })
      : h("div", { class: "gone" });
    const status = STATUSES[item.rule.status];
    const first = item.rule.reasons[0];
    const more = item.rule.reasons.length > 1 ? ` +${item.rule.reasons.length - 1}` : "";
    const quality = h("div", { class: "track", title: `Quality ${item.quality ?? "not measured"}` }, h("i"));
    quality.firstChild.style.width = `${100 * (item.quality ?? 0)}%`;
    const tile = h(
      "div",
      {
        class: "tile",
        role: "option",
        tabindex: -1,
        dataset: { id: item.id },
        title: item.rule.reasons.map((reason) => reason.words).join("\n"),
      },
      h("div", { class: "shot" }, picture, h("div", { class: "stamp" }), h("div", { class: "tick" }, icon("check"))),
      h(
        "div",
        { class: "caption" },
        h("span", { class: `dot ${status.tone}` }, icon(status.icon)),
        h("span", { class: "why" }, first ? plain(first.name) + more : status.word),
        quality,
      ),
    );
    tile.querySelector(".shot").style.height = `${side}px`;
    return tile;
  }

  #mark(tile, item, isCursor) {
    const { work } = this.#app;
    const picked = this.picked.has(item.id);
    const done = work.done.has(item.id);
    const said = item.mine?.verdict && (done || work.latest) ? VERDICTS[item.mine.verdict] : null;
    const lost = work.lost.has(item.id) && !done;
    tile.classList.toggle("picked", picked);
    tile.classList.toggle("cursor", isCursor);
    tile.classList.toggle("done", done || lost);
    tile.setAttribute("aria-selected", String(picked));
    tile.tabIndex = isCursor ? 0 : -1;
    const stamp = tile.querySelector(".stamp");
    const parts = [];
    if (said) parts.push(badge(said, item.mine.reason ? plain(item.mine.reason) : said.word));
    if (lost) parts.push(badge({ icon: "lost", tone: "dim" }, "with somebody else"));
    if (item.mine?.expression) parts.push(badge({ icon: "label", tone: "info" }, item.mine.expression));
    if (item.mine?.flag) parts.push(badge({ icon: "flag", tone: "flag" }, "flag"));
    const text = JSON.stringify([said?.word, item.mine?.reason, lost, item.mine?.expression, item.mine?.flag]);
    if (stamp.dataset.text !== text) {
      stamp.dataset.text = text;
      fill(stamp, parts);
    }
  }

  #info() {
    const item = this.#app.work.current;
    if (!item) return;
    const why = item.rule.reasons.map((reason) => reason.words).join(" ") || "No rule objects.";
    fill(
      $("#grid-info"),
      h("b", {}, item.source),
      h("span", { class: "why" }, why),
      h("span", { class: "doubt" }, item.doubt),
    );
  }

  #prefetch() {
    const from = this.start + this.size;
    for (const item of this.#app.work.items.slice(from, from + this.size)) {
      const url = item.pictures[this.kind];
      if (url) images.warm(sized(url, stored(this.pixels)));
    }
  }

  // Layout

  #columns() {
    const width = this.#tiles.clientWidth - 2 * GAP;
    return Math.max(1, Math.floor((width + GAP) / (this.pixels + GAP)));
  }

  #measure() {
    if (!this.#tiles.clientWidth) return;
    const height = this.#tiles.clientHeight - 2;
    const rows = Math.max(1, Math.round(height / (SIDES[this.side] + CAPTION + GAP)));
    this.pixels = Math.max(Math.floor(height / rows) - CAPTION - GAP, 64);
    this.size = Math.min(this.#columns() * rows, MOST);
    if (this.#app.view === "grid") this.#app.moved();
  }

  #resize(by) {
    this.side = Math.min(Math.max(this.side + by, 0), SIDES.length - 1);
    this.#app.prefs.set("side", this.side);
    this.#measure();
  }

  #show(kind, stay = false) {
    this.kind = this.kind === kind && !stay ? "overlay" : kind;
    this.#app.update();
    return true;
  }

  // Picking

  #move(at) {
    const { work } = this.#app;
    const last = Math.min(this.start + this.size, work.items.length) - 1;
    if (at > last && this.start + this.size < work.items.length) work.goTo(at);
    else work.goTo(Math.min(Math.max(at, 0), last));
    this.#anchor = work.at;
    this.focus();
    return true;
  }

  #toggle(at) {
    const item = this.#app.work.items[at];
    if (!item) return;
    if (!this.picked.delete(item.id)) this.picked.add(item.id);
    this.#app.update();
  }

  #pickAll() {
    const open = this.page.filter((item) => this.#app.work.isOpen(item));
    const all = open.every((item) => this.picked.has(item.id));
    for (const item of open) {
      if (all) this.picked.delete(item.id);
      else this.picked.add(item.id);
    }
    this.#app.update();
  }

  #at(event) {
    const tile = document.elementFromPoint(event.clientX, event.clientY)?.closest(".tile");
    return tile ? this.start + [...this.#tiles.children].indexOf(tile) : -1;
  }

  /** A click picks or unpicks; dragging on does the same to every face that it passes. */
  #press(event) {
    const at = this.#at(event);
    if (event.button !== 0 || at < 0) return;
    event.preventDefault();
    const { work } = this.#app;
    const pick = !this.picked.has(work.items[at].id);
    const from = event.shiftKey ? (this.#anchor ?? work.at) : at;
    if (!event.shiftKey) this.#anchor = at;
    const put = (one) => {
      const { id } = work.items[one];
      if (pick || event.shiftKey) this.picked.add(id);
      else this.picked.delete(id);
    };
    for (let one = Math.min(from, at); one <= Math.max(from, at); one += 1) put(one);
    work.goTo(at);
    this.focus();
    const move = (next) => {
      const over = this.#at(next);
      if (over < 0 || over === work.at) return;
      put(over);
      work.goTo(over);
    };
    const end = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", end);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", end);
  }

  #openTile(event) {
    const at = this.#at(event);
    if (at < 0) return;
    this.#app.work.goTo(at);
    this.#app.setView("face");
  }
}

const stored = (side) => {
  const wanted = side * (globalThis.devicePixelRatio || 1);
  return STORED.find((size) => size >= wanted * 0.95) ?? STORED.at(-1);
};
