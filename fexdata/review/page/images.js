// Pictures and meshes, loaded once and kept for a while, so that the next face is there before it is
// asked for.

import { bytes } from "./api.js";
import { parseMesh } from "./meshfile.js";

class Cache {
  #found = new Map();
  #load;
  #room;

  constructor(load, room) {
    this.#load = load;
    this.#room = room;
  }

  /** A promise of the thing; what could not be loaded is tried anew the next time. */
  get(url) {
    const kept = this.#found.get(url);
    if (kept) {
      this.#found.delete(url); // to the end: the least recently used go first
      this.#found.set(url, kept);
      return kept.promise;
    }
    const one = { value: null, promise: null };
    one.promise = this.#load(url).then(
      (value) => (one.value = value),
      (error) => {
        this.#found.delete(url);
        throw error;
      },
    );
    this.#found.set(url, one);
    if (this.#found.size > this.#room) this.#found.delete(this.#found.keys().next().value);
    return one.promise;
  }

  /** The thing if it is there already, else null. */
  now(url) {
    return this.#found.get(url)?.value ?? null;
  }

  warm(url) {
    this.get(url).catch(() => {}); // only a head start: who needs it will ask again
  }
}

async function loadImage(url) {
  const image = new Image();
  image.decoding = "async";
  image.src = url;
  await image.decode();
  return image;
}

export const images = new Cache(loadImage, 400);
export const meshes = new Cache(async (url) => parseMesh(await bytes(url)), 24);

/** The address of a picture of at most `size` pixels. */
export const sized = (url, size) => `${url}&size=${size}`;
