// From a key to an action. The server hands out which key does what (a file of the user's may change
// it); this module only adds what a view means by the arrows, and names keys for people.

const NAMES = {
  " ": "Space",
  ArrowRight: "→",
  ArrowLeft: "←",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  PageUp: "PgUp",
  PageDown: "PgDn",
};

/** Actions of this page that the server's table need not know: [words, default keys]. */
const OWN = {
  texture: ["The crop on the mesh, or clay", ["t"]],
  wire: ["Wireframe", ["v"]],
  landmarks_all: ["All points of the mesh", ["L"]],
  tab_overlay: ["Show the mesh over the crop", ["b"]],
  order: ["Next order of the queue", ["O"]],
  wipe_left: ["Wipe to the left", ["["]],
  wipe_right: ["Wipe to the right", ["]"]],
};

/** In the grid the arrows move over the faces and Space picks, unless a file gave those keys another action. */
const GRID = {
  ArrowLeft: ["back", "left"],
  ArrowRight: ["next", "right"],
  ArrowUp: [null, "up"],
  ArrowDown: [null, "down"],
  Home: [null, "first"],
  End: [null, "last"],
  PageDown: [null, "next"],
  PageUp: [null, "back"],
  " ": ["next", "select"],
};

const REPEATABLE = new Set([
  "next",
  "back",
  "left",
  "right",
  "up",
  "down",
  "zoom_in",
  "zoom_out",
  "wipe_left",
  "wipe_right",
  "turn_left",
  "turn_right",
  "turn_up",
  "turn_down",
]);

export class Keys {
  #actions = new Map();

  /** session: as from /api/session. */
  constructor(session) {
    this.keys = { ...session.keys };
    this.words = { ...session.key_words };
    const taken = new Set(Object.values(session.keys).flat());
    for (const [action, [words, keys]] of Object.entries(OWN)) {
      if (action in this.keys) continue;
      this.keys[action] = keys.filter((key) => !taken.has(key));
      this.words[action] = words;
    }
    for (const [action, keys] of Object.entries(this.keys)) for (const key of keys) this.#actions.set(key, action);
  }

  /** The action of a keydown in a view (`face` or `grid`), or null. */
  action(event, view) {
    const key = unlocked(event);
    if (event.ctrlKey || event.metaKey) {
      const letter = key.toLowerCase();
      if (event.altKey || (letter !== "z" && letter !== "y")) return null;
      return letter === "y" || event.shiftKey ? "redo" : "undo";
    }
    if (event.altKey) return null;
    let action = this.#actions.get(key) ?? null;
    if (view === "grid" && key in GRID && (GRID[key][0] === action || action === null)) action = GRID[key][1];
    return event.repeat && !REPEATABLE.has(action) ? null : action;
  }

  /** The key that a button shows: the first of its action's, "" for none. */
  label(action) {
    const key = this.keys[action]?.[0];
    return key === undefined ? "" : keyName(key);
  }

  labels(action) {
    return (this.keys[action] ?? []).map(keyName);
  }

  has(action, event) {
    return (this.keys[action] ?? []).includes(unlocked(event));
  }
}

export const keyName = (key) =>
  NAMES[key] ?? (key.length === 1 && key !== key.toUpperCase() ? key.toUpperCase() : withShift(key));

function withShift(key) {
  const upper = key.length === 1 && key !== key.toLowerCase();
  return upper ? `⇧${key}` : key;
}

/** The key without what Caps Lock did to it: "A" picks all, and a forgotten Caps Lock should not. */
function unlocked(event) {
  const { key } = event;
  if (key.length !== 1 || !event.getModifierState?.("CapsLock")) return key;
  return event.shiftKey ? key.toUpperCase() : key.toLowerCase();
}
