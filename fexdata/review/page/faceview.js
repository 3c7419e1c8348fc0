// One face: the picture on the left, the mesh on the right, small pictures of everything else below.

import { $, h, refill } from "./dom.js";
import { button, keycap } from "./buttons.js";
import { HEAT } from "./gl.js";
import { images, meshes, sized } from "./images.js";
import { MeshPane } from "./meshpane.js";
import { PicturePane } from "./picturepane.js";

const TABS = [
  ["crop", "Crop"],
  ["overlay", "Mesh"],
  ["depth", "Depth"],
  ["normal", "Normals"],
  ["mask", "Mask"],
  ["heat", "Error"],
  ["photograph", "Photo"],
];
const ACTION = { heat: "heat" }; // of a tab, where it is not tab_<kind>
const OVER = new Set(["depth", "normal"]); // transparent where there is nothing: drawn over a dim crop
const MOMENT = 250; // milliseconds
const AHEAD = 3; // faces whose pictures are fetched before they are wanted
const RENDER = 640; // side of the mesh drawn over the crop, pixels
const TURN = 0.18; // radians a key press
const STEP = 0.06; // of the wipe, a key press

export class FaceView {
  #app;
  #shown = null; // what the panes show: id, tab, and whether all of it has come
  #mesh = null;
  #crop = null;

  constructor(app) {
    this.#app = app;
    this.tab = "crop";
    this.before = "crop";
    this.wipe = null;
    this.lastWipe = 0.5;
    this.points = "off"; // off, 68, all
    this.looked = new Set();
    this.picture = new PicturePane($("#picture"), {
      onWipe: (place) => this.#setWipe(place),
      onZoom: () => this.#bars(),
    });
    this.mesh = new MeshPane($("#mesh"), $("#mesh-message"));
  }

  // What the page calls

  update() {
    const item = this.#app.work.current;
    if (!item) return;
    if (this.#shown?.id !== item.id) {
      this.looked = new Set();
      this.#shown = { id: item.id };
      this.#draw(item);
      this.#prefetch();
    }
    this.#bars();
  }

  /** Draws again what could not be loaded. */
  retry() {
    const item = this.#app.work.current;
    if (item) this.#draw(item);
  }

  run(action) {
    if (action.startsWith("tab_")) return this.#choose(action.slice(4));
    const found = {
      wipe: () => this.#setWipe(this.wipe === null ? this.lastWipe : null),
      wipe_left: () => this.#setWipe(Math.max((this.wipe ?? this.lastWipe) - STEP, 0)),
      wipe_right: () => this.#setWipe(Math.min((this.wipe ?? this.lastWipe) + STEP, 1)),
      heat: () => this.#heat(),
      landmarks: () => this.#setPoints("68"),
      landmarks_all: () => this.#setPoints("all"),
      texture: () => this.#setMode(this.mesh.mode === "texture" ? "clay" : "texture"),
      wire: () => this.#setWire(),
      zoom_in: () => this.#zoom(1.25),
      zoom_out: () => this.#zoom(0.8),
      zoom_reset: () => [this.picture.reset(), this.mesh.reset()],
      turn_left: () => this.mesh.turnBy(TURN, 0),
      turn_right: () => this.mesh.turnBy(-TURN, 0),
      turn_up: () => this.mesh.turnBy(0, -TURN),
      turn_down: () => this.mesh.turnBy(0, TURN),
    }[action];
    if (!found) return false;
    found();
    return true;
  }

  // Settings

  #choose(tab) {
    const item = this.#app.work.current;
    if (!item?.pictures[tab]) return true;
    if (this.tab !== tab) this.before = this.tab;
    this.tab = tab;
    this.#draw(item);
    this.#bars();
    return true;
  }

  #heat() {
    const on = this.mesh.mode !== "heat";
    this.#setMode(on ? "heat" : "clay");
    const item = this.#app.work.current;
    if (item?.pictures.heat && (on || this.tab === "heat")) this.#choose(on ? "heat" : this.before);
  }

  #setWipe(place) {
    this.wipe = place;
    if (place !== null) this.lastWipe = place;
    this.#compose();
    this.#bars();
  }

  #setPoints(wanted) {
    this.points = this.points === wanted ? "off" : wanted;
    this.#compose();
    this.#bars();
  }

  #setMode(mode) {
    this.mesh.set({ mode });
    this.#bars();
  }

  #setWire() {
    this.mesh.set({ wire: !this.mesh.wire });
    this.#compose();
    this.#bars();
  }

  #zoom(factor) {
    this.picture.zoomBy(factor);
    this.mesh.zoomBy(factor);
  }

  // Pictures

  get #kind() {
    const item = this.#app.work.current;
    return item?.pictures[this.tab] ? this.tab : "crop";
  }

  async #draw(item) {
    const kind = this.#kind;
    const wanted = { id: item.id, kind };
    this.#shown = wanted;
    this.looked.add(kind).add("mesh");
    const url = item.pictures[kind];
    const there = images.now(item.pictures.crop ?? "");
    this.#crop = there;
    this.#mesh = item.mesh ? meshes.now(item.mesh) : null;
    this.#picture = url ? images.now(sizeOf(kind, url)) : null;
    this.#note = url ? "" : "There is no picture of this face";
    this.mesh.show(this.#mesh, there, item.mesh ? "" : "This face has no mesh");
    this.#compose();
    if (!url) return;
    const failed = () => null; // shown as such; tried again when the connection is back
    const [picture, crop, mesh] = await Promise.all([
      images.get(sizeOf(kind, url)).catch(failed),
      images.get(item.pictures.crop).catch(failed),
      item.mesh ? meshes.get(item.mesh).catch(failed) : null,
    ]);
    if (this.#shown !== wanted) return;
    this.#picture = picture;
    this.#crop = crop;
    this.#mesh = mesh;
    this.#note = picture ? "" : "This picture could not be loaded; it will be tried again";
    this.mesh.show(mesh, crop, item.mesh ? (mesh ? "" : "The mesh could not be loaded") : "This face has no mesh");
    this.#compose();
    this.#bars();
    document.body.dataset.drawn = item.id;
  }

  #picture = null;
  #note = "";

  #compose() {
    const kind = this.#kind;
    const over = OVER.has(kind);
    const wiping = this.wipe !== null && kind !== "photograph";
    const scene = { note: this.#note, ghost: 1, over: null, wipe: null, points: null, base: this.#picture };
    if (over || wiping) scene.base = this.#crop;
    if (over) scene.over = this.#picture;
    if (over && !wiping) scene.ghost = 0.22;
    if (wiping) {
      scene.wipe = this.wipe;
      if (kind === "crop" || kind === "overlay") scene.over = this.mesh.render(RENDER) ?? this.#picture;
      else scene.over = this.#picture;
    }
    if (this.#mesh && this.points !== "off" && kind !== "photograph") {
      scene.points = this.points === "68" ? this.#mesh.landmarks : flat(this.#mesh.vertices);
      scene.side = this.#mesh.header.crop;
    }
    this.picture.show(scene);
    $("#picture").setAttribute("aria-label", TABS.find(([name]) => name === kind)?.[1] ?? "Picture");
  }

  /** What the next faces show first; and, once this face has been looked at for a moment, all of the next. */
  #prefetch() {
    const { work } = this.#app;
    const next = work.items
      .slice(work.at + 1)
      .filter((item) => work.isOpen(item))
      .slice(0, AHEAD);
    for (const item of next) {
      for (const kind of new Set(["crop", this.tab]))
        if (item.pictures[kind]) images.warm(sizeOf(kind, item.pictures[kind]));
      if (item.mesh) meshes.warm(item.mesh);
    }
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      for (const [kind, url] of Object.entries(next[0]?.pictures ?? {})) images.warm(sizeOf(kind, url));
    }, MOMENT);
  }

  #later = 0;

  // Buttons

  #bars() {
    const item = this.#app.work.current;
    if (!item) return;
    const app = this.#app;
    const zoom = this.picture.zoom;
    const wiping = this.wipe !== null;
    const slider = h("input", {
      type: "range",
      min: 0,
      max: 100,
      value: Math.round(100 * (this.wipe ?? this.lastWipe)),
      "aria-label": "Wipe",
      class: wiping ? "" : "off",
    });
    slider.addEventListener("input", () => this.#setWipe(slider.value / 100));
    refill(
      $("#picture-bar"),
      [item.id, wiping, this.points, zoom, Boolean(this.#mesh), wiping ? Math.round(100 * this.wipe) : 0],
      () => [
        button(app, "wipe", { words: "Wipe", icon: "wipe", pressed: wiping, class: "small" }),
        slider,
        button(app, "landmarks", { words: "68", icon: "dots", pressed: this.points === "68", class: "small" }),
        button(app, "landmarks_all", {
          words: String(this.#mesh?.header.vertices ?? 478),
          icon: "dots",
          pressed: this.points === "all",
          class: "small",
        }),
        h("span", { class: "stretch" }),
        button(app, "zoom_out", { icon: "minus", class: "small", bare: true }),
        h("output", { class: "zoom" }, `${Math.round(100 * zoom)} %`),
        button(app, "zoom_in", { icon: "plus", class: "small", bare: true }),
        button(app, "zoom_reset", { icon: "reset", class: "small", bare: true }),
      ],
    );
    const { mode, wire } = this.mesh;
    const residual = this.#mesh?.header.residual;
    refill($("#mesh-bar"), [item.id, mode, wire, Boolean(this.#mesh)], () => [
      button(app, "texture", { words: "Photo", icon: "texture", pressed: mode === "texture", class: "small" }),
      button(app, "heat", {
        words: "Error",
        icon: "heat",
        pressed: mode === "heat",
        disabled: !residual,
        class: "small",
      }),
      button(app, "wire", { words: "Wire", icon: "wire", pressed: wire, class: "small" }),
      h("span", { class: "stretch" }),
      h(
        "span",
        { class: "turns" },
        Object.entries(ARROWS).map(([action, icon]) => button(app, action, { icon, class: "small", bare: true })),
      ),
    ]);
    refill($("#mesh-note"), [mode, residual], () => (mode === "heat" && residual ? scale(residual) : []));
    refill($("#strip"), [item.id, this.tab, Object.keys(item.pictures)], () =>
      TABS.filter(([kind]) => item.pictures[kind]).map(([kind, word]) => this.#tabButton(item, kind, word)),
    );
  }

  #tabButton(item, kind, word) {
    const action = ACTION[kind] ?? `tab_${kind}`;
    const url = item.pictures[kind];
    const picture = h("img", {
      src: kind === "photograph" ? sized(url, 256) : url,
      alt: "",
      draggable: "false",
      onerror: () => picture.classList.add("gone"),
    });
    return h(
      "button",
      {
        role: "tab",
        "aria-selected": String(kind === this.#kind),
        class: "tab",
        dataset: { action },
        onclick: () => this.#app.run(action),
      },
      picture,
      h("span", {}, word, keycap(this.#app.keys.label(action))),
    );
  }
}

const ARROWS = { turn_left: "left", turn_up: "up", turn_down: "down", turn_right: "right" };

const sizeOf = (kind, url) => (kind === "photograph" ? sized(url, 1024) : url);

/** x and y of points in space. */
function flat(vertices) {
  const points = new Float32Array((2 * vertices.length) / 3);
  for (let i = 0; i < points.length / 2; i += 1) points.set([vertices[3 * i], vertices[3 * i + 1]], 2 * i);
  return points;
}

/** What the colours of the error mean. */
function scale(residual) {
  const bar = h("i");
  bar.style.background = `linear-gradient(90deg, ${HEAT.map((colour) => `rgb(${colour})`).join(",")})`;
  const top = Math.max(residual.p95, 2);
  const unit = residual.unit.replace(/^% /, "");
  return [
    h(
      "div",
      { class: "scale" },
      "0 %",
      bar,
      `${top.toFixed(1)} % ${unit}`,
      h("span", { class: "dim" }, `largest ${residual.worst.toFixed(1)} %`),
    ),
    h("p", {}, residual.about),
  ];
}
