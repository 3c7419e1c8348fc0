// How long somebody has looked: only time in which the page was visible counts.

/** Seconds of visible time since `restart`. */
export class Clock {
  #gathered = 0;
  #since = 0;

  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#gathered += performance.now() - this.#since;
      this.#since = performance.now();
    });
  }

  restart() {
    this.#gathered = 0;
    this.#since = performance.now();
  }

  get seconds() {
    const running = document.visibilityState === "hidden" ? 0 : performance.now() - this.#since;
    return (this.#gathered + running) / 1000;
  }
}

/** Faces per minute of visible time over the latest decisions. */
export class Rate {
  #steps = [];

  add(faces, seconds) {
    this.#steps.push({ faces, seconds: Math.min(seconds, 300) });
    if (this.#steps.length > 60) this.#steps.shift();
  }

  get perMinute() {
    const faces = this.#steps.reduce((sum, step) => sum + step.faces, 0);
    const seconds = this.#steps.reduce((sum, step) => sum + step.seconds, 0);
    return faces >= 3 && seconds > 1 ? (60 * faces) / seconds : null;
  }
}
