// What this browser remembers of a dataset and reviewer from one visit to the next.

export class Prefs {
  #of;

  constructor(session) {
    this.#of = `fexdata-review/${session.dataset.name}/${session.reviewer}/`;
  }

  name(what) {
    return this.#of + what;
  }

  get(what, otherwise) {
    return localStorage.getItem(this.name(what)) ?? otherwise;
  }

  set(what, value) {
    localStorage.setItem(this.name(what), value ?? "");
  }
}
