// Small pieces of the page: elements that hold texts as texts, and bars of probabilities.

const MOST = 12; // labels shown; the others are summed up in a line

export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

export function labelText(label) {
  if (label === null) return "no label";
  if (Array.isArray(label)) return label.length ? label.join(", ") : "none of the labels";
  return label;
}

// A number with one decimal place and a sign, "+" only if it is asked for.
function signed(value, plus = "+") {
  const rounded = Math.abs(value).toFixed(1);
  if (rounded === "0.0") return plus ? "±0.0" : "0.0";
  return (value > 0 ? plus : "−") + rounded;
}

// The probabilities of all labels; with what they were before a change, a line at each and the
// difference in percentage points.
export function bars(probabilities, before = null) {
  const ranked = Object.entries(probabilities);
  if (ranked.length > MOST) ranked.sort((one, other) => other[1] - one[1]);
  const best = Math.max(...ranked.map(([, share]) => share));
  const rows = make("div", { className: "bars" });
  for (const [label, share] of ranked.slice(0, MOST)) {
    const fill = make("i");
    fill.style.width = `${100 * share}%`;
    const bar = make("span", { className: "bar", ariaHidden: "true" }, fill);
    const number = make("span", { className: "number" }, percent(share));
    if (before && label in before) {
      const mark = make("b");
      mark.style.left = `${100 * before[label]}%`;
      bar.append(mark);
      number.append(" ", make("span", { className: "change" }, signed(100 * (share - before[label]))));
    }
    const name = make("span", { className: share === best ? "name best" : "name" }, label);
    rows.append(name, bar, number);
  }
  if (ranked.length <= MOST) return rows;
  const rest = ranked.slice(MOST).reduce((sum, [, share]) => sum + share, 0);
  const note = make("p", { className: "note" });
  note.textContent = `${ranked.length - MOST} other labels: ${percent(rest)} together`;
  return make("div", {}, rows, note);
}

// A filled pattern, with its gap marked where the pattern (not the text) has one.
export function cloze(text) {
  const shown = make("p", { className: "cloze" });
  const at = text.lastIndexOf("____");
  if (at < 0) shown.append(text);
  else shown.append(text.slice(0, at), make("mark", {}, "____"), text.slice(at + 4));
  return shown;
}

// What is added to each label's score, because the model finds some words likely in any text.
export function calibration(offsets) {
  const added = Object.entries(offsets).slice(0, MOST);
  const shown = added.map(([label, offset]) => `${label} ${signed(-offset)}`);
  return make("p", { className: "note" }, `calibrated: ${shown.join(", ")}`);
}

export function words(scored, most = 10) {
  const list = make("ul", { className: "words" });
  for (const { word, label, score, question } of scored.slice(0, most)) {
    const about = [question, label].filter(Boolean).join(": ");
    const item = make("li", {}, `${word} ${signed(score, "")} `, make("small", {}, about));
    list.append(item);
  }
  return list;
}
