// How verdicts, statuses and levels look: never by colour alone, always an icon and a word.

import { h, icon, plain } from "./dom.js";

export const VERDICTS = {
  accept: { word: "Accepted", does: "Accept", icon: "check", tone: "good", status: "accepted" },
  reject: { word: "Rejected", does: "Reject", icon: "cross", tone: "bad", status: "rejected" },
  unsure: { word: "Unsure", does: "Unsure", icon: "question", tone: "warn", status: "review" },
};

export const STATUSES = {
  accepted: { word: "Accepted", icon: "check", tone: "good" },
  rejected: { word: "Rejected", icon: "cross", tone: "bad" },
  review: { word: "Doubtful", icon: "question", tone: "warn" },
  failed: { word: "Failed", icon: "bolt", tone: "bad" },
};

export const LEVELS = {
  bad: { word: "too low", icon: "cross", tone: "bad" },
  doubtful: { word: "doubtful", icon: "question", tone: "warn" },
  good: { word: "fine", icon: "check", tone: "good" },
  unknown: { word: "not measured", icon: "minus", tone: "dim" },
};

export function badge(look, word = look.word) {
  return h("span", { class: `badge ${look.tone}` }, icon(look.icon), h("span", {}, word));
}

/** "Rejected: too blurred" of an opinion, "" for none. */
export function opinionWords(opinion) {
  if (!opinion) return "";
  const said = [];
  if (opinion.verdict) said.push(VERDICTS[opinion.verdict].word + (opinion.reason ? `: ${plain(opinion.reason)}` : ""));
  if (opinion.expression) said.push(`labelled ${opinion.expression}`);
  if (opinion.flag) said.push("flagged");
  if (opinion.comment) said.push(`“${opinion.comment}”`);
  return said.join(", ");
}
