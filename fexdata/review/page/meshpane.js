// The right pane: the mesh, turning under the mouse. How it is turned stays from face to face, so that
// one profile can be compared with the next.

import { Renderer } from "./gl.js";

const START = [-0.5, -0.12]; // radians: yaw and pitch of a three-quarter view
const ROOM = 1.2; // the pane over the mesh, at zoom 1

export class MeshPane {
  #canvas;
  #message;
  #renderer;
  #mesh = null;
  #image = null;
  #turn = [...START];
  #zoom = 1;
  #frame = 0;
  #front = null; // draws the mesh as it lies over the crop; made when first asked for

  /** message: the element that says why there is no mesh. */
  constructor(canvas, message) {
    this.#canvas = canvas;
    this.#message = message;
    this.#renderer = new Renderer(canvas, () => this.redraw());
    this.mode = "clay";
    this.wire = false;
    new ResizeObserver(() => this.redraw()).observe(canvas.parentElement);
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** mesh: as from `parseMesh`, or null; image: the crop, or null; note: instead of a mesh. */
  show(mesh, image, note = "") {
    this.#mesh = mesh;
    this.#image = image;
    const without = "No WebGL in this browser: the picture “Mesh” shows the fit";
    this.#message.textContent = this.#renderer.works ? note : without;
    this.redraw();
  }

  set(look) {
    Object.assign(this, look);
    this.redraw();
  }

  turnBy(yaw, pitch) {
    this.#turn[0] += yaw;
    this.#turn[1] = Math.min(Math.max(this.#turn[1] + pitch, -1.5), 1.5);
    this.redraw();
  }

  zoomBy(factor) {
    this.#zoom = Math.min(Math.max(this.#zoom * factor, 0.6), 12);
    this.redraw();
  }

  reset() {
    this.#turn = [...START];
    this.#zoom = 1;
    this.redraw();
  }

  /** A canvas with the lit mesh as it lies over the crop, `side` pixels large, or null without WebGL or mesh. */
  render(side) {
    if (!this.#mesh || !this.#renderer.works) return null;
    this.#front ??= {
      renderer: new Renderer(document.createElement("canvas")),
      picture: document.createElement("canvas"),
    };
    const { renderer, picture } = this.#front;
    if (this.#front.mesh === this.#mesh && this.#front.wire === this.wire) return picture;
    const { crop } = this.#mesh.header;
    const { centre } = this.#mesh.bounds;
    const middle = [centre[0] - (crop - 1) / 2, centre[1] - (crop - 1) / 2];
    const look = { turn: rotation(0, 0), centre, middle, pixels: side / crop, mode: "clay", wire: this.wire };
    renderer.use(this.#mesh, null);
    renderer.draw({ width: side, height: side, ...look });
    picture.width = picture.height = side;
    picture.getContext("2d").drawImage(renderer.canvas, 0, 0); // what is not copied now is gone after this frame
    Object.assign(this.#front, { mesh: this.#mesh, wire: this.wire });
    return picture;
  }

  redraw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const box = this.#canvas.parentElement;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.clientWidth * ratio), Math.round(box.clientHeight * ratio)];
    if (!width || !height) return;
    const { centre, size } = this.#mesh?.bounds ?? { centre: [0, 0, 0], size: [1, 1, 1] };
    const pixels = (Math.min(width / Math.hypot(size[0], size[2]), height / size[1]) / ROOM) * this.#zoom;
    const look = { turn: rotation(...this.#turn), centre, middle: [0, 0], pixels, mode: this.mode, wire: this.wire };
    this.#renderer.use(this.#mesh, this.#image);
    this.#renderer.draw({ width, height, ...look });
  }

  #press(event) {
    if (event.button !== 0) return;
    let [x, y] = [event.clientX, event.clientY];
    this.#canvas.setPointerCapture(event.pointerId);
    const move = (next) => {
      this.turnBy(-(next.clientX - x) * 0.009, (next.clientY - y) * 0.009);
      [x, y] = [next.clientX, next.clientY];
    };
    const end = () => {
      for (const name of ["pointerup", "pointercancel"]) this.#canvas.removeEventListener(name, end);
      this.#canvas.removeEventListener("pointermove", move);
    };
    this.#canvas.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.#canvas.addEventListener(name, end);
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * 0.0016));
  }
}

/** Rows of R = Rx(pitch) Ry(yaw): the near side moves to the left for a positive yaw, down for a positive pitch. */
function rotation(yaw, pitch) {
  const [c, s, d, t] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [c, 0, s, t * s, d, -t * c, -d * s, t, d * c];
}
