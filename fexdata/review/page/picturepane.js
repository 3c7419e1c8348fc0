// The left pane: one picture that zooms and pans, with landmarks, and a wipe that uncovers the mesh.

const MARGIN = 10; // css pixels around the picture at zoom 1
const INK = "#ffd60a"; // yellow with a dark rim is seen on any skin
const LONGEST = 24; // times

export class PicturePane {
  #canvas;
  #scene = { base: null, over: null, ghost: 1, wipe: null, points: null, side: 0, note: "" };
  #zoom = 1;
  #pan = [0, 0];
  #frame = 0;

  /** onWipe: called with the new place, 0 to 1, when the handle is dragged; onZoom: with the new zoom. */
  constructor(canvas, { onWipe, onZoom }) {
    this.#canvas = canvas;
    this.onWipe = onWipe;
    this.onZoom = onZoom;
    new ResizeObserver(() => this.#soon()).observe(canvas.parentElement);
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("dblclick", () => this.reset());
  }

  /**
   * base: the picture under everything; ghost: its opacity; over: a picture upon it, cut by the wipe;
   * wipe: share of the width, or null; points: flat x, y in crop pixels; side: pixels that those count in.
   */
  show(scene) {
    this.#scene = { ...this.#scene, ...scene };
    this.#soon();
  }

  get zoom() {
    return this.#zoom;
  }

  zoomBy(factor, at = null) {
    const before = this.#zoom;
    this.#zoom = Math.min(Math.max(before * factor, 1), LONGEST);
    const grown = this.#zoom / before;
    const [x, y] = at ?? [0, 0];
    this.#pan = [x - (x - this.#pan[0]) * grown, y - (y - this.#pan[1]) * grown];
    if (this.#zoom === 1) this.#pan = [0, 0];
    this.onZoom(this.#zoom);
    this.#soon();
  }

  reset() {
    this.#zoom = 1;
    this.#pan = [0, 0];
    this.onZoom(1);
    this.#soon();
  }

  #size() {
    const box = this.#canvas.parentElement;
    return [box.clientWidth, box.clientHeight];
  }

  /** left, top, width, height of the picture in css pixels. */
  #place() {
    const [width, height] = this.#size();
    const picture = this.#scene.base;
    if (!picture) return [0, 0, 0, 0];
    const [w, h] = extent(picture);
    const scale = Math.min((width - 2 * MARGIN) / w, (height - 2 * MARGIN) / h) * this.#zoom;
    return [
      width / 2 - (w * scale) / 2 + this.#pan[0],
      height / 2 - (h * scale) / 2 + this.#pan[1],
      w * scale,
      h * scale,
    ];
  }

  #wheel(event) {
    event.preventDefault();
    const box = this.#canvas.getBoundingClientRect();
    this.zoomBy(Math.exp(-event.deltaY * 0.0016), [
      event.clientX - box.left - box.width / 2,
      event.clientY - box.top - box.height / 2,
    ]);
  }

  #press(event) {
    if (event.button !== 0) return;
    const box = this.#canvas.getBoundingClientRect();
    const [left, , width] = this.#place();
    const { wipe, over } = this.#scene;
    const wiping = wipe !== null && over && Math.abs(event.clientX - box.left - (left + wipe * width)) < 18;
    let [x, y] = [event.clientX, event.clientY];
    this.#canvas.setPointerCapture(event.pointerId);
    const move = (next) => {
      if (wiping) this.onWipe(Math.min(Math.max((next.clientX - box.left - left) / width, 0), 1));
      else if (this.#zoom > 1) {
        this.#pan = [this.#pan[0] + next.clientX - x, this.#pan[1] + next.clientY - y];
        this.#soon();
      }
      [x, y] = [next.clientX, next.clientY];
    };
    const end = () => {
      this.#canvas.removeEventListener("pointermove", move);
      this.#canvas.removeEventListener("pointerup", end);
      this.#canvas.removeEventListener("pointercancel", end);
    };
    this.#canvas.addEventListener("pointermove", move);
    this.#canvas.addEventListener("pointerup", end);
    this.#canvas.addEventListener("pointercancel", end);
  }

  #soon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const [width, height] = this.#size();
    const ratio = globalThis.devicePixelRatio || 1;
    const canvas = this.#canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const { base, over, ghost, wipe, points, side, note } = this.#scene;
    if (!base) {
      write(pen, note || "Loading…", width, height);
      return;
    }
    const place = this.#place();
    pen.imageSmoothingQuality = "high";
    pen.imageSmoothingEnabled = place[2] / extent(base)[0] < 8; // then single pixels are wanted
    pen.globalAlpha = ghost;
    pen.drawImage(base, ...place);
    pen.globalAlpha = 1;
    if (over) this.#over(pen, place, over, wipe);
    if (points) dots(pen, points, place, side);
  }

  #over(pen, [left, top, width, height], over, wipe) {
    pen.save();
    const edge = left + (wipe ?? 0) * width;
    if (wipe !== null) {
      pen.beginPath();
      pen.rect(edge, top, left + width - edge, height);
      pen.clip();
    }
    pen.drawImage(over, left, top, width, height);
    pen.restore();
    if (wipe === null) return;
    pen.fillStyle = "rgba(10,12,14,.55)";
    pen.fillRect(edge - 2, top, 4, height);
    pen.fillStyle = "#f2f5f8";
    pen.fillRect(edge - 1, top, 2, height);
    const middle = Math.min(Math.max(top + height / 2, 30), this.#size()[1] - 30);
    pen.beginPath();
    pen.arc(edge, middle, 13, 0, 7);
    pen.fill();
    pen.strokeStyle = "#16181b";
    pen.lineWidth = 1.8;
    pen.beginPath();
    for (const way of [-1, 1]) {
      pen.moveTo(edge + way * 3, middle - 4);
      pen.lineTo(edge + way * 7, middle);
      pen.lineTo(edge + way * 3, middle + 4);
    }
    pen.stroke();
  }
}

const extent = (picture) => [picture.naturalWidth || picture.width, picture.naturalHeight || picture.height];

/** Pixel centres lie at integers, so a point (0, 0) is half a pixel inside. */
function dots(pen, points, [left, top, width, height], side) {
  const [scale, down] = [width / side, height / side];
  const radius = Math.min(Math.max(scale * (points.length > 200 ? 0.55 : 0.9), 1), 4);
  for (const [reach, colour] of [
    [radius + 1, "rgba(15,17,20,.85)"],
    [radius, INK],
  ]) {
    pen.fillStyle = colour;
    for (let i = 0; i < points.length; i += 2) {
      pen.beginPath();
      pen.arc(left + (points[i] + 0.5) * scale, top + (points[i + 1] + 0.5) * down, reach, 0, 7);
      pen.fill();
    }
  }
}

function write(pen, text, width, height) {
  pen.fillStyle = "#9aa4af";
  pen.font = "13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText(text, width / 2, height / 2, width - 20);
}
